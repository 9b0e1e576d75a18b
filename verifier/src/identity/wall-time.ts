import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/**
 * What a process before this one has found is never taken to be younger: only the time of day tells its age, and that may
 * have been set since. No rule that asks for a document of today's key is served by one so old (protocol.md C8, A-1).
 */
const MIN_AGE_MS = 60_000

/** When something of this process happened, as a later process is told: whole milliseconds since 1970. */
export function toWallMs(startedMs: number): number {
  return Math.round(Date.now() - (monotonicMs() - startedMs))
}

/** When something happened that a process before this one has told of, in monotonic milliseconds of this one. */
export function fromWallMs(wallMs: number): number {
  return monotonicMs() - Math.max(MIN_AGE_MS, Date.now() - wallMs)
}
