import { availableParallelism } from 'node:os'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/** Threads that verify: RELAY_VERIFIER_THREADS, or one core less than there are. */
export function verifierThreads({ RELAY_VERIFIER_THREADS: set }: Settings): number {
  return set ?? Math.max(1, availableParallelism() - 1)
}

/**
 * Threads that serve: RELAY_FANOUT_THREADS; else a quarter of the cores, for on few of them they would only take turns
 * with the rest of the process.
 */
export function fanoutThreads({ RELAY_FANOUT_THREADS: set }: Settings): number {
  return set ?? Math.floor(availableParallelism() / 4)
}
