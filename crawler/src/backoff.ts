/** Longest pauses after 1, 2, 3 … attempts without progress (protocol.md H3): then an hour, without end. */
const STEPS_MS = [1, 2, 4, 8, 16, 32, 64, 300, 900, 3_600].map((seconds) => seconds * 1_000)
/** Never sooner than this: nobody is hammered. */
const LEAST_MS = 200
/** Attempts without progress after which a host is shown as offline. */
export const OFFLINE_AFTER = 6

/** A pause before the next attempt, full jitter; `failures` counts attempts since the last progress. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const most = STEPS_MS[Math.min(failures, STEPS_MS.length - 1)] as number
  return Math.max(LEAST_MS, Math.round(random() * most))
}
