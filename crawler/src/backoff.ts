/** Longest pauses after 1, 2, 3 … attempts without progress (protocol.md H3): then an hour, without end. */
const STEPS_MS = [1, 2, 4, 8, 16, 32, 64, 300, 900, 3_600].map((seconds) => seconds * 1_000)
/** Never sooner than this: nobody is hammered. */
const LEAST_MS = 200
/** Attempts without progress after which a host is shown as offline. */
export const OFFLINE_AFTER = 6

/** A connection that the other side ended is no failure where it had been open for so long … */
const STOOD_MS = 1_000
/** … and where it had been open for this long, the next attempt is made as soon as after an event. */
const STOOD_LONG_MS = 10_000
/** Otherwise within this: many a proxy bounds how long a connection may be quiet, and nothing is wrong with the host. */
const STOOD_BRIEFLY_PAUSE_MS = 8_000

/**
 * A pause after a connection that stood for so long and brought nothing, full jitter; undefined where it did not stand: a
 * host that takes connections and closes them at once is no better than one that takes none.
 */
export function afterStandingMs(
  stoodMs: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  if (stoodMs === undefined || stoodMs < STOOD_MS) return undefined
  if (stoodMs >= STOOD_LONG_MS) return backoffMs(0, random)
  return Math.max(LEAST_MS, Math.round(random() * STOOD_BRIEFLY_PAUSE_MS))
}

/** A pause before the next attempt, full jitter; `failures` counts attempts since the last progress. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const most = STEPS_MS[Math.min(failures, STEPS_MS.length - 1)] as number
  return Math.max(LEAST_MS, Math.round(random() * most))
}
