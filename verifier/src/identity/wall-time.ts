import { monotonicMs } from '@bgs/shared/service/monotonic.ts'

/** When something of this process happened, as other processes are told: whole milliseconds since 1970. */
export function toWallMs(startedMs: number): number {
  return Math.round(Date.now() - (monotonicMs() - startedMs))
}

/**
 * When something happened that another process, or one before, has told of. What lies in the future, for a clock was set
 * back, is taken to have happened just now.
 */
export function fromWallMs(wallMs: number): number {
  return monotonicMs() - Math.max(0, Date.now() - wallMs)
}
