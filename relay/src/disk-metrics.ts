import type { Disk } from '@bgs/embedded/log/disk.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { DiskMetrics } from './metrics.ts'

const LOOK_EVERY_MS = 15_000

/** Shows how much of the disk is free, until `signal` is aborted. */
export async function lookAtDisk(
  disk: Disk,
  folder: string,
  metrics: DiskMetrics,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { free, total } = await disk.space(folder)
    metrics.free.set(free)
    metrics.total.set(total)
    await wait(LOOK_EVERY_MS, signal)
  }
}
