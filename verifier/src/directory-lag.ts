import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { tidMicros } from '@bgs/protocol/syntax/tid.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { CacheEntry } from './identity/cache-entry.ts'
import type { Identity } from './identity/document.ts'
import { fetchParked, type IdentityWork, isOfDirectory } from './parked-look-up.ts'

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

/** Waits a moment for the directory to show another key than the one that the signature failed with. */
export async function awaitOtherKey(
  envelope: RawEnvelope,
  { keyMultibase }: Identity,
  work: IdentityWork,
): Promise<CacheEntry | undefined> {
  const { did, host } = envelope
  if (!mayLag(envelope, work) || !work.budget.take(host, `key ${did}`)) return undefined
  for (const pauseMs of work.lagPausesMs.slice(0, SIGNATURE_LAG_PAUSES)) {
    const entry = await fetchAgain(envelope, pauseMs, work)
    if (entry === undefined) return undefined
    if (typeof entry.found === 'string' || entry.found.keyMultibase !== keyMultibase) return entry
  }
  return undefined
}

/** As `fetchHeld`; that a DID does not exist is believed only once the directory has had time to catch up. */
export async function fetchExisting(
  envelope: RawEnvelope,
  notBeforeMs: number,
  work: IdentityWork,
): Promise<CacheEntry> {
  const { did, host } = envelope
  let entry = await fetchParked(did, host, notBeforeMs, work)
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
export async function fetchMoved(
  envelope: RawEnvelope,
  entry: CacheEntry,
  work: IdentityWork,
): Promise<CacheEntry> {
  const { did, host } = envelope
  const isNamed = ({ found }: CacheEntry) => typeof found === 'object' && found.pdsHost === host
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
  work: IdentityWork,
): Promise<CacheEntry | undefined> {
  const { did, host } = envelope
  if (!mayLag(envelope, work)) return undefined
  const ended = work.onPause()
  if (ended.aborted) return undefined
  await wait(pauseMs, AbortSignal.any([work.signal, ended]))
  if (work.signal.aborted || !work.budget.takeHost(host)) return undefined
  return fetchParked(did, host, work.now(), work)
}

/**
 * Whether the directory may be behind this event: only behind what has just happened. What happened before this process
 * began may be read again, and be signed with a former key: a wait for the directory would be a wait in each life of a relay
 * that is killed again and again, while keys go on changing.
 */
function mayLag({ did, frame: bytes }: RawEnvelope, work: IdentityWork): boolean {
  const { identities, lagPausesMs, now, beganMs, wallNow } = work
  if (!isOfDirectory(did) || lagPausesMs.length === 0 || identities.hasChanged(did, now())) return false
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection' || !('time' in frame)) return false
  // A rev is signed; the other times are the host's word.
  const atMs = 'rev' in frame ? tidMicros(frame.rev) / 1_000 : Date.parse(frame.time)
  return atMs >= beganMs && Math.abs(wallNow() - atMs) < RECENT_MS
}
