import type { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { fetchRecords } from '@bgs/cluster/kafka/fetch.ts'
import { produce } from '@bgs/cluster/kafka/produce.ts'
import { readBatches } from '@bgs/cluster/kafka/record-batch.ts'

const TIMEOUT_MS = 5_000

/** Copies the records of one partition into an empty topic but for the last ones: what a broker has that lost its end. */
export async function copyWithoutEnd(
  cluster: KafkaCluster,
  from: string,
  to: string,
  lost: number,
): Promise<void> {
  const connections = cluster.connections()
  const limits = { waitMs: 0, maxBytes: 2 ** 22, partitionBytes: 2 ** 22, timeoutMs: TIMEOUT_MS }
  const leader = await connections.toLeader(from, 0)
  const [fetched] = await fetchRecords(leader, from, [{ partition: 0, offset: 0 }], limits)
  const records = readBatches(fetched?.bytes ?? Buffer.alloc(0), 0)
  for (const { value } of records.slice(0, records.length - lost))
    await produce(await connections.toLeader(to, 0), to, [{ partition: 0, value }], TIMEOUT_MS)
  connections.close()
}
