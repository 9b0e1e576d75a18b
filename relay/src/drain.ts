import type { BusTopic } from '@bgs/contract/bus/bus.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

const LOOK_EVERY_MS = 20

/** Resolves when nothing of the topic is on its way any more, or after `ms`: the rest is offered again after a start. */
export async function drained(topic: Pick<BusTopic<unknown>, 'pendingRecords'>, ms: number): Promise<void> {
  const until = performance.now() + ms
  while (topic.pendingRecords > 0 && performance.now() < until) await wait(LOOK_EVERY_MS)
}
