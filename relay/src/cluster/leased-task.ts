import type { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

/**
 * Runs a task in one of the processes of a role at a time: in the one that has the lease of the only partition of `leases`.
 * Another takes it over where this one ends, is dead or stands still. A process that was paused may still be at it when it
 * wakes, until it looks again: what the task does must bear being done twice. Resolves when `signal` is aborted; rejects as
 * the task does, and where the lease cannot be looked at.
 */
export async function runLeased(
  leases: PartitionLeases,
  everyMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let lease:
    | { readonly fence: number; readonly ended: AbortController; readonly done: Promise<void> }
    | undefined
  const failed = new AbortController()
  const end = async () => {
    lease?.ended.abort()
    await lease?.done
    lease = undefined
  }
  await leases.prepare()
  try {
    for (; !signal.aborted; await wait(everyMs, AbortSignal.any([signal, failed.signal]))) {
      failed.signal.throwIfAborted()
      const [mine] = await leases.look()
      if (lease !== undefined && lease.fence !== mine?.fence) await end()
      if (mine === undefined || lease !== undefined) continue
      const ended = new AbortController()
      const done = task(AbortSignal.any([signal, ended.signal])).catch((error) => failed.abort(error))
      lease = { fence: mine.fence, ended, done }
    }
  } finally {
    await end()
    await leases.release([0])
  }
}
