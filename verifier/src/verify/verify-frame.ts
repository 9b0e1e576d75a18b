import { keptStatus } from '@bgs/contract/envelope/status.ts'
import type { AccountFacts, RepoFacts } from '@bgs/contract/envelope/verified.ts'
import { cidKey } from '@bgs/protocol/drisl/cid-key.ts'
import type { AccountFrame, CommitFrame, IdentityFrame, SyncFrame } from '@bgs/protocol/frame/frame.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { type MapEntryPlace, withoutEntries } from '@bgs/protocol/frame/without-entries.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { verifyCommit } from '@bgs/protocol/rules/commit.ts'
import { verifySync } from '@bgs/protocol/rules/sync.ts'
import { isDatetime } from '@bgs/protocol/syntax/datetime.ts'
import { cachedPublicKey } from './key-cache.ts'

export interface VerifyContext {
  /** Type and multibase of the account's key, one space between. */
  readonly key: string
  /** Handle in the DID document, '' if none. */
  readonly handle: string
  readonly lenient: boolean
  readonly nowMs: number
}

/** What the frame and the DID document alone say of a frame. */
export type Verdict = Passed | { readonly reason: Reason; readonly detail: string }

export interface Passed {
  readonly reason: null
  /** The frame to be passed on, and where its seq stands, for which it gets a slot. */
  readonly frame: Uint8Array
  readonly seqAt: number
  readonly seqEnd: number
  readonly repo: RepoFacts | null
  readonly account: AccountFacts | null
  readonly discontinuous: boolean
}

/** Judges one frame of a host whose authority is settled (protocol.md G1, C2–C12, S1, I1, A-1). Never throws on bytes. */
export function verifyFrame(bytes: Uint8Array, context: VerifyContext): Verdict {
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection') return frame
  if (frame.type === '#commit') return verifyCommitFrame(frame, bytes, context)
  if ('time' in frame && !isDatetime(frame.time))
    return { reason: 'time-syntax', detail: `time is ${JSON.stringify(frame.time.slice(0, 80))}` }
  switch (frame.type) {
    case '#sync':
      return verifySyncFrame(frame, bytes, context)
    case '#identity':
      return verifyIdentityFrame(frame, bytes, context)
    case '#account':
      return verifyAccountFrame(frame, bytes)
    default:
      return { reason: 'frame-type-unknown', detail: frame.type }
  }
}

function verifyCommitFrame(frame: CommitFrame, bytes: Uint8Array, context: VerifyContext): Verdict {
  const { nowMs, lenient } = context
  const verdict = verifyCommit(frame, bytes, { key: cachedPublicKey(context.key), nowMs, lenient })
  if (verdict.kind === 'fault') return verdict
  const { rev, since, prevData, commit, data, marks } = verdict
  const repo = {
    rev,
    since,
    prevData: prevData === null ? null : cidKey(prevData),
    commit: cidKey(commit),
    data: cidKey(data),
  }
  return passed(frame, bytes, { repo, account: null, discontinuous: marks.length > 0 }, frame.nulls)
}

function verifySyncFrame(frame: SyncFrame, bytes: Uint8Array, context: VerifyContext): Verdict {
  const verdict = verifySync(frame, bytes, {
    key: cachedPublicKey(context.key),
    nowMs: context.nowMs,
    lenient: false,
  })
  if (verdict.kind === 'fault') return verdict
  const { rev, commit, data } = verdict
  const repo = { rev, since: null, prevData: null, commit: cidKey(commit), data: cidKey(data) }
  return passed(frame, bytes, { repo, account: null, discontinuous: false }, frame.nulls)
}

/** I1: the handle is passed on only where the DID document says the same. */
function verifyIdentityFrame(frame: IdentityFrame, bytes: Uint8Array, context: VerifyContext): Verdict {
  const { handle, handlePlace, nulls } = frame
  const isConfirmed = handle === undefined || handle.toLowerCase() === context.handle
  const left = isConfirmed || handlePlace === undefined ? nulls : [handlePlace]
  return passed(frame, bytes, { repo: null, account: null, discontinuous: false }, left)
}

function verifyAccountFrame(frame: AccountFrame, bytes: Uint8Array): Verdict {
  const account = { active: frame.active, status: keptStatus(frame.status ?? null), time: frame.time }
  return passed(frame, bytes, { repo: null, account, discontinuous: false }, frame.nulls)
}

/** `left` are the entries that are not passed on; everything else is, byte for byte (invariant 16). */
function passed(
  { seqAt, seqEnd }: CommitFrame | SyncFrame | IdentityFrame | AccountFrame,
  bytes: Uint8Array,
  facts: Pick<Passed, 'repo' | 'account' | 'discontinuous'>,
  left: readonly MapEntryPlace[] | undefined,
): Verdict {
  if (left === undefined) return { reason: null, frame: bytes, seqAt, seqEnd, ...facts }
  const frame = withoutEntries(bytes, left)
  const again = scanFrame(frame)
  if (again.kind === 'rejection' || !('seqAt' in again))
    throw new Error('a frame that can no longer be read without some of its fields')
  return { reason: null, frame, seqAt: again.seqAt, seqEnd: again.seqEnd, ...facts }
}
