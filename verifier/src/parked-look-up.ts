import { wait } from '@bgs/runtime/service/wait.ts'
import type { CacheEntry } from './identity/cache-entry.ts'
import type { RefreshBudget } from './identity/refresh-budget.ts'
import type { Resolution } from './identity/resolve.ts'

/** What settle-identity.ts needs of Identities; the conformance command puts prepared documents in its place. */
export interface IdentitySource {
  known(did: string, nowMs: number): CacheEntry | undefined
  /** Answers at once that there is no answer for now when `signal` is aborted. */
  fetch(did: string, host: string, notBeforeMs: number, signal: AbortSignal): Promise<Resolution>
  /** The directory as a whole gives no answers, or only some: what waits for it is rejected at nobody's cost. */
  readonly isDirectoryUnwell: boolean
  /** Whether another key or PDS was found for this DID of late: then the directory is not what is behind. */
  hasChanged(did: string, nowMs: number): boolean
  /** Remembers for a while that this DID could not be had, so that the frames behind it do not each wait as long. */
  giveUp(did: string, nowMs: number): void
}

export interface IdentityWork {
  readonly identities: IdentitySource
  readonly budget: RefreshBudget
  /** Monotonic, as all times of look-ups are. */
  readonly now: () => number
  /** When this process took the frame from the bus: what was looked up since is at least as new as the frame. */
  readonly takenMs: number
  /** Ends all waiting for this frame's identity. */
  readonly signal: AbortSignal
  /** The identity cannot be had for now: count the queue as parked. True: its time is up. */
  readonly onParked: () => boolean
  /**
   * This frame waits though the directory answers: count the queue as paused. The signal ends the wait, at once or in the midst
   * of it, where too much of the host waits so.
   */
  readonly onPause: () => AbortSignal
  /** Pauses after which the directory is asked again where it may be behind the host; none: its first word counts. */
  readonly lagPausesMs: readonly number[]
  /** When this process began to read, as the time of day: what happened before it is mostly read again. */
  readonly beganMs: number
  /** The time of day. */
  readonly wallNow: () => number
}

/** Pauses between look-ups of a DID that cannot be had; the last one, with jitter, goes on (protocol.md D8). */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000]
/** Of these so many, where the directory is what is unwell: it may answer the next time. */
const UNWELL_RETRIES = 3
/** Whether a DID's document is kept by the directory; that of a did:web is its own host's. */
export function isOfDirectory(did: string): boolean {
  return did.startsWith('did:plc:')
}

/** Fetches until there is an answer: a transient failure parks the queue (G6, invariant 13). */
export async function fetchParked(
  did: string,
  host: string,
  notBeforeMs: number,
  work: IdentityWork,
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
    if (work.onParked() && !isDirectorys) {
      work.identities.giveUp(did, work.now())
      return { found: 'identity-unavailable', startedMs: asOf }
    }
    const longest = isDirectorys ? UNWELL_RETRIES : RETRY_MS.length
    const pauseMs = RETRY_MS[Math.min(attempt, longest - 1)] as number
    await wait(pauseMs * (0.75 + Math.random() / 2), work.signal)
  }
}
