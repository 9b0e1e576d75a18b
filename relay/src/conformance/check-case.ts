import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import { peekFrame } from '@bgs/crawler/peek.ts'
import { cidKeyFromText } from '@bgs/protocol/drisl/cid-key.ts'
import { withSeqSlot } from '@bgs/protocol/frame/seq-slot.ts'
import { breaksStream } from '@bgs/protocol/reasons/breaks-stream.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { decide } from '@bgs/sequencer/rules/decide.ts'
import { type Account, newAccount } from '@bgs/sequencer/state/account.ts'
import type { CacheEntry } from '@bgs/verifier/identity/cache-entry.ts'
import { readDocument } from '@bgs/verifier/identity/document.ts'
import { RefreshBudget } from '@bgs/verifier/identity/refresh-budget.ts'
import type { IdentitySource, IdentityWork } from '@bgs/verifier/parked-look-up.ts'
import { refreshForSignature, settleIdentity } from '@bgs/verifier/settle-identity.ts'
import { verifyFrame } from '@bgs/verifier/verify/verify-frame.ts'
import type { FrameCase } from './case.ts'

/** Documents of a case are as old as this when its frame comes. */
const DOCUMENT_AGE_MS = 1_000

export interface CaseResult {
  /** One of the outcomes of vectors/README.md. */
  readonly got: string
  /** Why, where the frame was not passed on. */
  readonly reason?: Reason
}

/** What becomes of a frame: crawler's look, verifier's verdict, sequencer's decision, by the code that runs. */
export async function checkCase(one: FrameCase): Promise<CaseResult> {
  const frame = Buffer.from(one.frame, 'base64')
  const look = peekFrame(frame, isPrivate(one))
  switch (look.kind) {
    case 'rejected':
      return rejected(look.reason)
    case 'error':
      return { got: 'close' }
    case 'info':
    case 'unknown':
      return { got: 'ignore' }
    case 'event':
      return verifyEvent(one, frame, look.type, look.did, look.seq)
  }
}

/** A host with a port is one of private mode. */
function isPrivate({ host }: FrameCase): boolean {
  return host.includes(':')
}

async function verifyEvent(
  one: FrameCase,
  frame: Buffer,
  type: EventType,
  did: string,
  seq: number,
): Promise<CaseResult> {
  const { host, nowMs } = one
  const raw: RawEnvelope = { type, did, host, epoch: 1, seq, receivedMs: nowMs, lenient: false, frame }
  const documents = new CaseDocuments(one, did)
  const work: IdentityWork = {
    identities: documents,
    budget: new RefreshBudget(() => nowMs),
    now: () => nowMs,
    signal: AbortSignal.timeout(60_000),
    takenMs: nowMs,
    onParked: () => true,
    onPause: () => new AbortController().signal,
    beganMs: 0,
    lagPausesMs: [],
    wallNow: () => nowMs,
  }
  let settled = await settleIdentity(raw, work)
  for (;;) {
    const refreshed = documents.refreshes > 0
    if ('reason' in settled) return rejected(settled.reason, refreshed)
    const { keyType, keyMultibase, handle, digest } = settled.identity
    const judged = verifyFrame(frame, { key: `${keyType} ${keyMultibase}`, handle, lenient: false, nowMs })
    if (judged.reason === null) {
      const verified = {
        ...raw,
        rawGeneration: 1,
        rawOffset: 1,
        hostSeq: seq,
        authoritative: settled.authoritative,
        digest,
        ...withSeqSlot(judged.frame, judged.seqAt, judged.seqEnd),
        repo: judged.repo,
        account: judged.account,
        discontinuous: judged.discontinuous,
      }
      const host = { accountCount: 0, throttledCount: 0, accountLimit: 1, banned: false }
      const decision = decide(knownAccount(one, did), host, verified, nowMs)
      if (decision.kind === 'drop') return rejected(decision.reason, refreshed)
      // A pending commit is sent to nobody (S2).
      if (decision.rejected !== undefined) return rejected(decision.rejected.reason, refreshed)
      // #identity and #account look again as a matter of course: only for a repo's events is it worth a word.
      if (refreshed && judged.repo !== null) return { got: 'refresh-then-emit' }
      // Kept, but nothing is sent: a local status hides it (E3).
      return { got: decision.outcome === 'quiet' ? 'ignore' : decision.outcome }
    }
    const again =
      judged.reason === 'signature-invalid' ? await refreshForSignature(raw, settled, work) : undefined
    if (again === undefined) return rejected(judged.reason, refreshed)
    settled = again
  }
}

/** The outcome that a reason stands for. */
function rejected(reason: Reason, refreshed = false): CaseResult {
  if (breaksStream(reason)) return { got: 'disconnect', reason }
  if (refreshed) return { got: 'refresh-then-drop', reason }
  if (reason === 'rev-stale' || reason === 'already-taken') return { got: 'drop-stale', reason }
  return { got: reason === 'account-inactive' ? 'drop-inactive' : 'drop-invalid', reason }
}

function knownAccount({ prev, account, host }: FrameCase, did: string): Account | undefined {
  if (prev === null && account.local === 'active' && account.upstream === 'active') return undefined
  const known = newAccount(did, 1, host)
  known.rev = prev?.rev ?? null
  known.data = prev === null ? null : cidKeyFromText(prev.data)
  known.local = account.local as LocalStatus
  known.upstream = account.upstream
  return known
}

/** The documents of a case in place of the directory. */
class CaseDocuments implements IdentitySource {
  readonly isDirectoryUnwell = false
  refreshes = 0
  readonly #case: FrameCase
  readonly #did: string

  constructor(one: FrameCase, did: string) {
    this.#case = one
    this.#did = did
  }

  known(): CacheEntry {
    return { found: this.#read(this.#case.didDoc), startedMs: this.#case.nowMs - DOCUMENT_AGE_MS }
  }

  async fetch() {
    this.refreshes++
    const found = this.#read(this.#case.refreshedDidDoc ?? this.#case.didDoc)
    return typeof found === 'string'
      ? ({ kind: 'unusable', reason: found } as const)
      : ({ kind: 'found', identity: found } as const)
  }

  giveUp(): void {}

  hasChanged(): boolean {
    return false
  }

  #read(document: unknown): CacheEntry['found'] {
    if (typeof document === 'object' && document !== null && 'error' in document) return 'identity-not-found'
    const read = readDocument(JSON.stringify(document), this.#did, isPrivate(this.#case))
    return 'identity' in read ? read.identity : read.reason
  }
}
