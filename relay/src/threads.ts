import { availableParallelism } from 'node:os'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/**
 * Threads that verify at most: RELAY_VERIFIER_THREADS; else one core less than there are. With two cores it is for large
 * frames alone: in a flood it would take turns with what feeds it, and the main thread verifies more than the largest
 * network sends.
 */
export function verifierThreads({ RELAY_VERIFIER_THREADS: set }: Settings): {
  readonly threads: number
  readonly isForFloods: boolean
} {
  const cores = availableParallelism()
  return { threads: set ?? Math.max(1, cores - 1), isForFloods: set !== undefined || cores > 2 }
}

/**
 * Threads that serve: RELAY_FANOUT_THREADS; else a quarter of the cores, for on few of them they would only take turns
 * with the rest of the process.
 */
export function fanoutThreads({ RELAY_FANOUT_THREADS: set }: Settings): number {
  return set ?? Math.floor(availableParallelism() / 4)
}
