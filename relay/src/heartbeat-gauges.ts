import type { HeartbeatMetrics } from './metrics.ts'

/** How long ago something last came through a stage, in milliseconds; undefined: this process does not have it now. */
export type HeartbeatAges = Readonly<Record<string, number | undefined>>

/** Shows the ages of the stages that this process has. */
export function gaugeHeartbeat({ age }: HeartbeatMetrics, ages: HeartbeatAges): void {
  for (const [stage, ms] of Object.entries(ages)) {
    if (ms === undefined) age.remove({ stage })
    else age.set({ stage }, Math.max(0, ms / 1_000))
  }
}
