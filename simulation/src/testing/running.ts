import type { Scheduler } from '../world/scheduler.ts'

/** Lets virtual time go on by itself, for code that knows of none. Returns what ends it. */
export function running(scheduler: Scheduler): () => void {
  const end = Promise.withResolvers<void>()
  const tick = () => scheduler.at(scheduler.nowMs + 1, tick)
  tick()
  void scheduler.until(end.promise)
  return end.resolve
}
