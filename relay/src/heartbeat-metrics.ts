import type { HeartbeatAges } from '@bgs/runtime/service/heartbeat.ts'
import type { HeartbeatMetrics } from './metrics.ts'

/** Shows the ages of the stages that this process has. */
export function updateHeartbeat({ age }: HeartbeatMetrics, ages: HeartbeatAges): void {
  for (const [stage, ms] of Object.entries(ages)) {
    if (ms === undefined) age.remove({ stage })
    else age.set({ stage }, Math.max(0, ms / 1_000))
  }
}
