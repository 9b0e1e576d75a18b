import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { awaitOtherKey, fetchExisting, fetchMoved } from './directory-lag.ts'
import type { CacheEntry } from './identity/cache-entry.ts'
import type { Identity } from './identity/document.ts'
import { SIGNATURE_PAUSES_MS } from './identity/refresh-budget.ts'
import { fetchParked, type IdentityWork } from './parked-look-up.ts'

/** Identity and authority of a frame, or why it is rejected. */
export type Settled =
  | { readonly identity: Identity; readonly startedMs: number; readonly authoritative: boolean }
  | { readonly reason: Reason }

/** Any other #account is weighed by a document at most so old. */
const ACCOUNT_FRESH_MS = 60_000

/**
 * Settles identity and host authority of one frame (protocol.md G5, G6, I1, I2, A-1): which document it must be
 * judged by, fetched anew where the rules ask for it.
 */
export async function settleIdentity(envelope: RawEnvelope, work: IdentityWork): Promise<Settled> {
  const { did, type } = envelope
  const known = work.identities.known(did, work.now())
  const since = notBefore(envelope, work)
  if (known !== undefined && known.startedMs >= since) return settleAuthority(envelope, known, work)
  if (type === '#identity') {
    const rejected = await identityBudget(envelope, known, work)
    if (rejected !== null) return { reason: rejected }
  }
  const found = await fetchExisting(envelope, since, work)
  return settleAuthority(envelope, found, work, known)
}

/**
 * From when on a document serves this event; minus infinity: any that the cache still believes, also one from before
 * this process began. An #account that ends an account's activity is weighed by the document as it is now, for its host
 * may just have lost it (A-1, D10), within the budget of that host.
 */
function notBefore({ type, host, frame: bytes }: RawEnvelope, { budget, takenMs }: IdentityWork): number {
  if (type === '#identity') return takenMs
  if (type !== '#account') return Number.NEGATIVE_INFINITY
  const frame = scanFrame(bytes)
  const ends = frame.kind === 'frame' && frame.type === '#account' && !frame.active
  return ends && budget.takeHost(host) ? takenMs : takenMs - ACCOUNT_FRESH_MS
}

/**
 * An #identity asks for the document each time (I1). From the account's PDS the queue waits for the budget; from
 * elsewhere it is a hint, and is rejected beyond it (I2).
 */
async function identityBudget(
  { did, host }: RawEnvelope,
  known: CacheEntry | undefined,
  { budget, signal }: IdentityWork,
): Promise<Reason | null> {
  const pdsHost = known !== undefined && typeof known.found !== 'string' ? known.found.pdsHost : undefined
  if (pdsHost !== undefined && pdsHost !== host)
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
  work: IdentityWork,
  before: CacheEntry | undefined = entry,
): Promise<Settled> {
  const { did, host, type } = envelope
  if (typeof entry.found === 'string') {
    // What was found wanting is looked at again when its host speaks, within the budget: it may have been mended.
    if (entry.startedMs >= work.takenMs || !work.budget.take(host, `unusable ${did} ${host}`))
      return { reason: entry.found }
    return authority(envelope, await fetchExisting(envelope, work.takenMs, work))
  }
  if (entry.found.pdsHost === host || envelope.relayed === true) return authority(envelope, entry)
  const isFresh = entry.startedMs >= work.takenMs
  if (isFresh)
    return authority(envelope, isNewer(entry, before) ? entry : await fetchMoved(envelope, entry, work))
  // Cached mismatch (G5): the account may have moved. The hint of an #identity has paid for its look already.
  if (type !== '#identity' && !work.budget.take(host, `move ${did} ${host}`))
    return { reason: 'host-not-authoritative' }
  return authority(
    envelope,
    await fetchMoved(envelope, await fetchParked(did, host, work.takenMs, work), work),
  )
}

/**
 * A relay that is crawled by explicit setting speaks for no host (invariant 4): what it passes on of a repo is believed,
 * for it is signed; its #identity and #account are hints, to look at the document again and to ask the host.
 */
function authority({ host, type, relayed = false }: RawEnvelope, { found, startedMs }: CacheEntry): Settled {
  if (typeof found === 'string') return { reason: found }
  const isHint = type === '#identity' || (relayed && type === '#account')
  const authoritative = found.pdsHost === host || (relayed && !isHint)
  if (!authoritative && !isHint) return { reason: 'host-not-authoritative' }
  return { identity: found, startedMs, authoritative }
}

/** Whether a document has changed since the frame came: that is what it was about. */
function isNewer({ found }: CacheEntry, before: CacheEntry | undefined): boolean {
  return (
    typeof before?.found === 'object' && typeof found === 'object' && before.found.digest !== found.digest
  )
}

/**
 * Waits for the budget of a refetch after a signature failed (C8). Where too much of the host waits so, it does not wait for
 * the pause of this cause: what its hosts' bucket lets through bounds what the directory is asked, and no frame is lost for
 * a pause of our own.
 */
async function signatureBudget(host: string, cause: string, work: IdentityWork): Promise<void> {
  const { budget, signal } = work
  while (!budget.take(host, cause, SIGNATURE_PAUSES_MS) && !signal.aborted) {
    const ended = work.onPause()
    if (ended.aborted && budget.takeHost(host)) return
    const waitMs = ended.aborted ? budget.hostWaitMs(host) : budget.waitMs(host, cause, SIGNATURE_PAUSES_MS)
    await wait(Math.min(waitMs + 1, 1_000), ended.aborted ? signal : AbortSignal.any([signal, ended]))
  }
}

/**
 * Refetches after a signature failed (C8). Undefined where that changes nothing: a look-up that began after the frame
 * came has been made, and the directory, asked again in case it is behind, goes on showing the same key.
 */
export async function refreshForSignature(
  envelope: RawEnvelope,
  verifiedBy: { readonly identity: Identity; readonly startedMs: number },
  work: IdentityWork,
): Promise<Settled | undefined> {
  const { did, host } = envelope
  if (verifiedBy.startedMs >= work.takenMs) {
    const other = await awaitOtherKey(envelope, verifiedBy.identity, work)
    return other && authority(envelope, other)
  }
  await signatureBudget(host, `signature ${did}`, work)
  return authority(envelope, await fetchParked(did, host, work.takenMs, work))
}
