import { availableParallelism } from 'node:os'
import type { Settings } from '@bgs/shared/service/settings.ts'

/** Threads that verify: RELAY_VERIFIER_THREADS, or one core less than there are. */
export function verifierThreads({ RELAY_VERIFIER_THREADS: set }: Settings): number {
  return set ?? Math.max(1, availableParallelism() - 1)
}

/**
 * Threads that serve: RELAY_FANOUT_THREADS; else, where fan-out is all that the process does, one core less than there
 * are, and beside other stages a quarter of them: on few cores they would only take turns with the rest.
 */
export function fanoutThreads({ RELAY_FANOUT_THREADS: set }: Settings, alone: boolean): number {
  const cores = availableParallelism()
  return set ?? (alone ? Math.max(1, cores - 1) : Math.floor(cores / 4))
}
