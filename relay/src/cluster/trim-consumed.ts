import { REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { deleteRecords } from '@bgs/cluster/kafka/offsets.ts'
import type { Topic } from '@bgs/cluster/kafka/topics.ts'
import { offsetOf } from '@bgs/contract/bus/position.ts'
import type { ClusterContext } from './context.ts'

/** Removes what is consumed from a topic (invariant 5); what cannot be removed now is removed the next time. */
export async function trimConsumed(
  { kafka, topic, logger, metrics }: ClusterContext,
  which: Topic,
  positions: ReadonlyMap<number, number>,
): Promise<void> {
  const connections = kafka.connections()
  const name = topic(which)
  try {
    for (const [partition, position] of positions) {
      const before = new Map([[partition, offsetOf(position)]])
      if (offsetOf(position) > 0)
        await deleteRecords(await connections.toLeader(name, partition), name, before, REQUEST_MS)
    }
  } catch (error) {
    kafka.forget(name)
    metrics.trims.failures.inc({ topic: which })
    logger.warn(
      { err: error, topic: name },
      'consumed records could not be removed: the topic grows until they can be',
    )
  } finally {
    connections.close()
  }
}
