import type { KafkaServers } from './start-kafka.ts'

/** Stands in for that of the testkit: of a partition with one record in each batch, only so many are left. */
export async function losePower(
  { model, nodes: [node] }: KafkaServers,
  topic: string,
  partition: number,
  keptBatches: number,
): Promise<void> {
  await node?.kill()
  model.loseTail(topic, partition, model.bounds(topic, partition).end - keptBatches)
  await node?.start()
}
