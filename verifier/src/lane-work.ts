import type { RawEnvelope } from '@bgs/shared/envelope/raw.ts'
import { scanFrame } from '@bgs/shared/frame/scan.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import type { Reason } from '@bgs/shared/verdict/reason.ts'
import type { CacheEntry } from './identity/cache.ts'
import type { Identity } from './identity/document.ts'
import { type RefreshBudget, SIGNATURE_PAUSES_MS } from './identity/refresh-budget.ts'
import type { Resolution } from './identity/resolve.ts'

/** What lane-work needs of Identities; the conformance command puts prepared documents in its place. */
export interface IdentitySource {
  known(did: string, nowMs: number): CacheEntry | undefined
  fetch(did: string, host: string, notBeforeMs: number): Promise<Resolution>
  readonly circuitOpen: boolean
  /** Remembers for a while that this DID could not be had, so that the frames behind it do not each wait as long. */
  giveUp(did: string, nowMs: number): void
}

export interface LaneWork {
  readonly identities: IdentitySource
  readonly budget: RefreshBudget
  readonly now: () => number
  readonly signal: AbortSignal
  /** The identity cannot be had for now: count the lane as held. True: its time is up. */
  readonly onHeld: () => boolean
}

/** Identity and authority of a frame, or why it is refused. */
export type Settled =
  | { readonly identity: Identity; readonly startedMs: number; readonly authoritative: boolean }
  | { readonly reason: Reason }

/** Pauses between look-ups of a DID that cannot be had; the last one, with jitter, goes on (protocol.md D8). */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000]
/** Any other #account is weighed by a document at most so old. */
const ACCOUNT_FRESH_MS = 60_000

/**
 * Settles identity and host authority of one frame (protocol.md G5, G6, I1, I2, A-1): which document it must be
 * judged by, fetched anew where the rules ask for it.
 */
export async function settleIdentity(envelope: RawEnvelope, work: LaneWork): Promise<Settled> {
  const { did, host, type } = envelope
  const known = work.identities.known(did, work.now())
  const since = notBefore(envelope, work)
  if (known !== undefined && known.startedMs >= since) return settleAuthority(envelope, known, work)
  if (type === '#identity') {
    const refused = await identityBudget(envelope, known, work)
    if (refused !== null) return { reason: refused }
  }
  return settleAuthority(envelope, await fetchHeld(did, host, since, work), work)
}

/**
 * From when on a document serves this event; 0: any that the cache still believes. An #account that ends an account's
 * activity is weighed by the document as it is now, for its host may just have lost it (A-1, D10), within the budget
 * of that host.
 */
function notBefore({ type, host, receivedMs, frame: bytes }: RawEnvelope, { budget }: LaneWork): number {
  if (type === '#identity') return receivedMs
  if (type !== '#account') return 0
  const frame = scanFrame(bytes)
  const ends = frame.kind === 'frame' && frame.type === '#account' && !frame.active
  return ends && budget.takeHost(host) ? receivedMs : receivedMs - ACCOUNT_FRESH_MS
}

/**
 * An #identity asks for the document each time (I1). From the account's PDS the lane waits for the budget; from
 * elsewhere it is a hint, and is refused beyond it (I2).
 */
async function identityBudget(
  { did, host }: RawEnvelope,
  known: CacheEntry | undefined,
  { budget, signal }: LaneWork,
): Promise<Reason | null> {
  const home = known !== undefined && typeof known.found !== 'string' ? known.found.pds : undefined
  if (home !== undefined && home !== host)
    return budget.take(host, `hint ${did} ${host}`) ? null : 'identity-hint-limit'
  // A DID never met is paid for out of the directory's own budget.
  while (known !== undefined && !budget.takeHost(host) && !signal.aborted)
    await wait(budget.hostWaitMs(host) + 1, signal)
  return null
}

async function settleAuthority(envelope: RawEnvelope, entry: CacheEntry, work: LaneWork): Promise<Settled> {
  const { did, host, type, receivedMs } = envelope
  if (typeof entry.found === 'string') {
    // What was found wanting is looked at again when its host speaks, within the budget: it may have been mended.
    if (entry.startedMs >= receivedMs || !work.budget.take(host, `unusable ${did} ${host}`))
      return { reason: entry.found }
    return authority(envelope, await fetchHeld(did, host, receivedMs, work))
  }
  if (entry.found.pds === host || envelope.relayed === true || entry.startedMs >= receivedMs)
    return authority(envelope, entry)
  // Cached mismatch (G5): the account may have moved. The hint of an #identity has paid for its look already.
  if (type !== '#identity' && !work.budget.take(host, `move ${did} ${host}`))
    return authority(envelope, entry)
  return authority(envelope, await fetchHeld(did, host, receivedMs, work))
}

/**
 * A relay that is crawled by explicit setting speaks for no host (invariant 4): what it passes on of a repo is believed,
 * for it is signed; its #identity and #account are hints, to look at the document again and to ask the host.
 */
function authority({ host, type, relayed = false }: RawEnvelope, { found, startedMs }: CacheEntry): Settled {
  if (typeof found === 'string') return { reason: found }
  const isHint = type === '#identity' || (relayed && type === '#account')
  const authoritative = found.pds === host || (relayed && !isHint)
  if (!authoritative && !isHint) return { reason: 'host-not-authoritative' }
  return { identity: found, startedMs, authoritative }
}

/** Refetches after a signature failed (C8): undefined where a look-up that began after the frame came has been made. */
export async function refreshForSignature(
  envelope: RawEnvelope,
  judgedBy: { readonly startedMs: number },
  work: LaneWork,
): Promise<Settled | undefined> {
  const { did, host, receivedMs } = envelope
  if (judgedBy.startedMs >= receivedMs) return undefined
  const cause = `signature ${did}`
  // No budget left: hold the lane until there is.
  while (!work.budget.take(host, cause, SIGNATURE_PAUSES_MS) && !work.signal.aborted) {
    if (work.onHeld()) return { reason: 'identity-unavailable' }
    await wait(Math.min(work.budget.waitMs(host, cause, SIGNATURE_PAUSES_MS) + 1, 1_000), work.signal)
  }
  return authority(envelope, await fetchHeld(did, host, receivedMs, work))
}

/** Fetches until there is an answer: a transient failure holds the lane (G6, invariant 13). */
async function fetchHeld(
  did: string,
  host: string,
  notBeforeMs: number,
  work: LaneWork,
): Promise<CacheEntry> {
  for (let attempt = 0; ; attempt++) {
    const startedMs = work.now()
    const result = await work.identities.fetch(did, host, notBeforeMs)
    // The answer of a look-up that began after `notBeforeMs`: at least as new as that.
    const asOf = Math.max(notBeforeMs, work.identities.known(did, work.now())?.startedMs ?? startedMs)
    if (result.kind === 'found') return { found: result.identity, startedMs: asOf }
    if (result.kind === 'unusable') return { found: result.reason, startedMs: asOf }
    if (work.signal.aborted) return { found: 'identity-unavailable', startedMs: asOf }
    if (work.onHeld() && !work.identities.circuitOpen) {
      work.identities.giveUp(did, work.now())
      return { found: 'identity-unavailable', startedMs: asOf }
    }
    const pauseMs = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] as number
    await wait(pauseMs * (0.75 + Math.random() / 2), work.signal)
  }
}
