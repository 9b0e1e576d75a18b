import type { RawEnvelope } from '@bgs/shared/envelope/raw.ts'
import { scanFrame } from '@bgs/shared/frame/scan.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import { tidMicros } from '@bgs/shared/syntax/tid.ts'
import type { Reason } from '@bgs/shared/verdict/reason.ts'
import type { CacheEntry } from './identity/cache.ts'
import type { Identity } from './identity/document.ts'
import { type RefreshBudget, SIGNATURE_PAUSES_MS } from './identity/refresh-budget.ts'
import type { Resolution } from './identity/resolve.ts'

/** What lane-work needs of Identities; the conformance command puts prepared documents in its place. */
export interface IdentitySource {
  known(did: string, nowMs: number): CacheEntry | undefined
  /** Answers at once that there is no answer for now when `signal` is aborted. */
  fetch(did: string, host: string, notBeforeMs: number, signal: AbortSignal): Promise<Resolution>
  /** The directory as a whole gives no answers, or only some: what waits for it is refused at nobody's cost. */
  readonly isDirectoryUnwell: boolean
  /** Whether another key or PDS was found for this DID of late: then the directory is not what is behind. */
  hasChanged(did: string, nowMs: number): boolean
  /** Remembers for a while that this DID could not be had, so that the frames behind it do not each wait as long. */
  giveUp(did: string, nowMs: number): void
}

export interface LaneWork {
  readonly identities: IdentitySource
  readonly budget: RefreshBudget
  /** Monotonic, as all times of look-ups are. */
  readonly now: () => number
  /** When this process took the frame from the bus: what was looked up since is at least as new as the frame. */
  readonly takenMs: number
  /** Ends all waiting for this frame's identity. */
  readonly signal: AbortSignal
  /** The identity cannot be had for now: count the lane as held. True: its time is up. */
  readonly onHeld: () => boolean
  /** The directory may be behind: aborted where the pause must be the last, for too much waits behind this frame. */
  readonly onLagging: () => AbortSignal
  /** Pauses after which the directory is asked again where it may be behind the host; none: its first word counts. */
  readonly lagPausesMs: readonly number[]
  /** When this process began to read, as the time of day: what happened before it is mostly read again. */
  readonly beganMs: number
  /** The time of day. */
  readonly wallNow: () => number
}

/** Identity and authority of a frame, or why it is refused. */
export type Settled =
  | { readonly identity: Identity; readonly startedMs: number; readonly authoritative: boolean }
  | { readonly reason: Reason }

/**
 * A directory is read from replicas: a host may speak of a new account, key or move before its document shows it. What a
 * document speaks against is asked for again after these pauses, before that is believed.
 */
export const LAG_PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 8_000]
/** What is older no directory is behind. */
const RECENT_MS = 15_000
/**
 * Of a signature that fails only so many: a host may well repeat what was signed with the former key (D7), and what comes
 * behind it waits.
 */
const SIGNATURE_LAG_PAUSES = 4
/**
 * Of a host that the document does not name only so many, once a minute for each DID, whatever hosts speak of it: for so
 * long any stranger can hold up what the account's PDS says (H10).
 */
const MOVE_LAG_PAUSES = 3

/** Pauses between look-ups of a DID that cannot be had; the last one, with jitter, goes on (protocol.md D8). */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000]
/** Of these so many, where the directory is what is unwell: it may answer the next time. */
const UNWELL_RETRIES = 3
/** Any other #account is weighed by a document at most so old. */
const ACCOUNT_FRESH_MS = 60_000

/**
 * Settles identity and host authority of one frame (protocol.md G5, G6, I1, I2, A-1): which document it must be
 * judged by, fetched anew where the rules ask for it.
 */
export async function settleIdentity(envelope: RawEnvelope, work: LaneWork): Promise<Settled> {
  const { did, type } = envelope
  const known = work.identities.known(did, work.now())
  const since = notBefore(envelope, work)
  if (known !== undefined && known.startedMs >= since) return settleAuthority(envelope, known, work)
  if (type === '#identity') {
    const refused = await identityBudget(envelope, known, work)
    if (refused !== null) return { reason: refused }
  }
  const found = await fetchExisting(envelope, since, work)
  return settleAuthority(envelope, found, work, known)
}

/**
 * From when on a document serves this event; 0: any that the cache still believes. An #account that ends an account's
 * activity is weighed by the document as it is now, for its host may just have lost it (A-1, D10), within the budget
 * of that host.
 */
function notBefore({ type, host, frame: bytes }: RawEnvelope, { budget, takenMs }: LaneWork): number {
  if (type === '#identity') return takenMs
  if (type !== '#account') return 0
  const frame = scanFrame(bytes)
  const ends = frame.kind === 'frame' && frame.type === '#account' && !frame.active
  return ends && budget.takeHost(host) ? takenMs : takenMs - ACCOUNT_FRESH_MS
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

/** `before` is what was known of the DID when the frame came. */
async function settleAuthority(
  envelope: RawEnvelope,
  entry: CacheEntry,
  work: LaneWork,
  before: CacheEntry | undefined = entry,
): Promise<Settled> {
  const { did, host, type } = envelope
  if (typeof entry.found === 'string') {
    // What was found wanting is looked at again when its host speaks, within the budget: it may have been mended.
    if (entry.startedMs >= work.takenMs || !work.budget.take(host, `unusable ${did} ${host}`))
      return { reason: entry.found }
    return authority(envelope, await fetchExisting(envelope, work.takenMs, work))
  }
  if (entry.found.pds === host || envelope.relayed === true) return authority(envelope, entry)
  const isFresh = entry.startedMs >= work.takenMs
  if (isFresh)
    return authority(envelope, isNews(entry, before) ? entry : await fetchMoved(envelope, entry, work))
  // Cached mismatch (G5): the account may have moved. The hint of an #identity has paid for its look already.
  if (type !== '#identity' && !work.budget.take(host, `move ${did} ${host}`))
    return { reason: 'host-not-authoritative' }
  return authority(envelope, await fetchMoved(envelope, await fetchHeld(did, host, work.takenMs, work), work))
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

/** Whether a document has changed since the frame came: that is what it was about. */
function isNews({ found }: CacheEntry, before: CacheEntry | undefined): boolean {
  return (
    typeof before?.found === 'object' && typeof found === 'object' && before.found.digest !== found.digest
  )
}

/**
 * Refetches after a signature failed (C8). Undefined where that changes nothing: a look-up that began after the frame
 * came has been made, and the directory, asked again in case it is behind, goes on showing the same key.
 */
export async function refreshForSignature(
  envelope: RawEnvelope,
  judgedBy: { readonly identity: Identity; readonly startedMs: number },
  work: LaneWork,
): Promise<Settled | undefined> {
  const { did, host } = envelope
  if (judgedBy.startedMs >= work.takenMs) return awaitOtherKey(envelope, judgedBy.identity, work)
  const cause = `signature ${did}`
  // No budget left: hold the lane until there is.
  while (!work.budget.take(host, cause, SIGNATURE_PAUSES_MS) && !work.signal.aborted) {
    if (work.onHeld()) return { reason: 'identity-unavailable' }
    await wait(Math.min(work.budget.waitMs(host, cause, SIGNATURE_PAUSES_MS) + 1, 1_000), work.signal)
  }
  return authority(envelope, await fetchHeld(did, host, work.takenMs, work))
}

/** Waits a moment for the directory to show another key than the one that the signature failed with. */
async function awaitOtherKey(
  envelope: RawEnvelope,
  { keyMultibase }: Identity,
  work: LaneWork,
): Promise<Settled | undefined> {
  const { did, host } = envelope
  if (!mayLag(envelope, work) || !work.budget.take(host, `key ${did}`)) return undefined
  for (const pauseMs of work.lagPausesMs.slice(0, SIGNATURE_LAG_PAUSES)) {
    const entry = await fetchAgain(envelope, pauseMs, work)
    if (entry === undefined) return undefined
    if (typeof entry.found === 'string' || entry.found.keyMultibase !== keyMultibase)
      return authority(envelope, entry)
  }
  return undefined
}

/** As `fetchHeld`; that a DID does not exist is believed only once the directory has had time to catch up. */
async function fetchExisting(
  envelope: RawEnvelope,
  notBeforeMs: number,
  work: LaneWork,
): Promise<CacheEntry> {
  const { did, host } = envelope
  let entry = await fetchHeld(did, host, notBeforeMs, work)
  const isWorth = entry.found === 'identity-not-found' && mayLag(envelope, work)
  if (!isWorth || !work.budget.take(host, `unknown ${did}`)) return entry
  for (const pauseMs of work.lagPausesMs) {
    const again = await fetchAgain(envelope, pauseMs, work)
    if (again === undefined) break
    entry = again
    if (entry.found !== 'identity-not-found') break
  }
  return entry
}

/** G5: waits a moment for the directory to name the host that speaks: the account may just have moved there. */
async function fetchMoved(envelope: RawEnvelope, entry: CacheEntry, work: LaneWork): Promise<CacheEntry> {
  const { did, host } = envelope
  const isNamed = ({ found }: CacheEntry) => typeof found === 'object' && found.pds === host
  const isWorth = !isNamed(entry) && mayLag(envelope, work)
  if (!isWorth || !work.budget.take(host, `moved ${did}`)) return entry
  let last = entry
  for (const pauseMs of work.lagPausesMs.slice(0, MOVE_LAG_PAUSES)) {
    const again = await fetchAgain(envelope, pauseMs, work)
    if (again === undefined) break
    last = again
    if (isNamed(last)) break
  }
  return last
}

/** Another look after a pause, at the cost of the host that speaks; undefined where there is no more time for it. */
async function fetchAgain(
  envelope: RawEnvelope,
  pauseMs: number,
  work: LaneWork,
): Promise<CacheEntry | undefined> {
  const { did, host } = envelope
  if (!mayLag(envelope, work) || work.onHeld()) return undefined
  await wait(pauseMs, AbortSignal.any([work.signal, work.onLagging()]))
  if (work.signal.aborted || !work.budget.takeHost(host)) return undefined
  return fetchHeld(did, host, work.now(), work)
}

/**
 * Whether the directory may be behind this event: only behind what has just happened. What happened before this process
 * began may be read again, and be signed with a former key: a wait for the directory would be a wait in each life of a relay
 * that is killed again and again, while keys go on changing.
 */
function mayLag({ did, frame: bytes }: RawEnvelope, work: LaneWork): boolean {
  const { identities, lagPausesMs, now, beganMs, wallNow } = work
  if (!isOfDirectory(did) || lagPausesMs.length === 0 || identities.hasChanged(did, now())) return false
  const frame = scanFrame(bytes)
  if (frame.kind === 'refusal' || !('time' in frame)) return false
  // A rev is signed; the other times are the host's word.
  const atMs = 'rev' in frame ? tidMicros(frame.rev) / 1_000 : Date.parse(frame.time)
  return atMs >= beganMs && Math.abs(wallNow() - atMs) < RECENT_MS
}

/** Whether a DID's document is kept by the directory; that of a did:web is its own host's. */
export function isOfDirectory(did: string): boolean {
  return did.startsWith('did:plc:')
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
    const result = await work.identities.fetch(did, host, notBeforeMs, work.signal)
    // The answer of a look-up that began after `notBeforeMs`: at least as new as that.
    const asOf = Math.max(notBeforeMs, work.identities.known(did, work.now())?.startedMs ?? startedMs)
    if (result.kind === 'found') return { found: result.identity, startedMs: asOf }
    if (result.kind === 'unusable') return { found: result.reason, startedMs: asOf }
    if (work.signal.aborted) return { found: 'identity-unavailable', startedMs: asOf }
    const isDirectorys = isOfDirectory(did) && work.identities.isDirectoryUnwell
    if (work.onHeld() && !isDirectorys) {
      work.identities.giveUp(did, work.now())
      return { found: 'identity-unavailable', startedMs: asOf }
    }
    const longest = isDirectorys ? UNWELL_RETRIES : RETRY_MS.length
    const pauseMs = RETRY_MS[Math.min(attempt, longest - 1)] as number
    await wait(pauseMs * (0.75 + Math.random() / 2), work.signal)
  }
}
