import type { Logger } from './logger.ts'
import { wait } from './wait.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** After so long without a failure the next one is met like the first. */
const WELL_AFTER_MS = 300_000

export interface KeepDoingParts {
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Hears of each failure. */
  readonly onFailure?: () => void
}

/**
 * Runs bookkeeping, on which nothing that was accepted hangs, until `signal` is aborted: where it fails it is begun anew
 * after a pause of 1 s to 1 min, and never ends the process (invariant 14). Never rejects.
 */
export async function keepDoing(
  task: string,
  run: (signal: AbortSignal) => Promise<void>,
  { logger, signal, onFailure }: KeepDoingParts,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    const begunMs = performance.now()
    try {
      return await run(signal)
    } catch (error) {
      if (signal.aborted) return
      onFailure?.()
      failures = performance.now() - begunMs > WELL_AFTER_MS ? 1 : failures + 1
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
      logger.error({ err: error, task, retryMs: pauseMs }, 'bookkeeping failed: it is begun anew')
      await wait(pauseMs, signal)
    }
  }
}
