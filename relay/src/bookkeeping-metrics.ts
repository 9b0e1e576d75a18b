import type { BookkeepingMetrics } from './metrics.ts'

/** Brings the metrics of failed bookkeeping up to date; the supervisor counts on its own, for it has no registry. */
export function updateBookkeeping(
  { failures }: BookkeepingMetrics,
  counted: ReadonlyMap<string, number>,
): void {
  failures.reset()
  for (const [task, count] of counted) failures.inc({ task }, count)
}
