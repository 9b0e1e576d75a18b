import { KafkaCluster, REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { type Fetched, fetchRecords } from '@bgs/cluster/kafka/fetch.ts'
import { type Produced, produce } from '@bgs/cluster/kafka/produce.ts'
import { readBatches } from '@bgs/cluster/kafka/record-batch.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { onTestFinished } from 'vitest'
import { KafkaModel } from '../models/kafka/kafka-model.ts'

export const TOPIC = 'topic'
const SESSION_MS = 60

/** A cluster at work, with one topic of one partition, and a client of it. `lot.draw`: what chance gives. */
export async function kafkaScene(brokers = 1, settings: Record<string, string> = {}) {
  const lot = { draw: 0 }
  const model = new KafkaModel({
    brokers: Array.from({ length: brokers }, (_, i) => ({ id: i + 1, host: '127.0.0.1', port: 0 })),
    chance: () => lot.draw,
    pace: { requestMs: 0, replicationMs: 2, sessionMs: SESSION_MS, catchUpMs: 5, newsMs: 30 },
  })
  const ids = Array.from({ length: brokers }, (_, i) => i + 1)
  for (const id of ids) await model.listen(id)
  model.createTopic({ name: TOPIC, partitions: 1, settings })
  const cluster = new KafkaCluster(model.addresses.split(','), new ServerHealth('Kafka', silentLogger))
  const connections = cluster.connections()
  // A long poll holds up what comes behind it.
  const reading = cluster.connections()
  onTestFinished(() => {
    connections.close()
    reading.close()
    cluster.close()
    for (const id of ids) model.kill(id)
  })
  const bounds = () => model.bounds(TOPIC, 0)
  /** Offers a record to a broker, or to who leads. */
  const put = async (text: string, node?: number, timeoutMs = REQUEST_MS): Promise<Produced> => {
    cluster.forget(TOPIC)
    const connection =
      node === undefined ? await connections.toLeader(TOPIC, 0) : await connections.toNode(node)
    const [one] = await produce(connection, TOPIC, [{ partition: 0, value: Buffer.from(text) }], timeoutMs)
    return one as Produced
  }
  const get = async (offset: number, waitMs = 0, node?: number): Promise<Fetched> => {
    cluster.forget(TOPIC)
    const limits = { waitMs, maxBytes: 1e6, partitionBytes: 1e6, timeoutMs: REQUEST_MS }
    const connection = node === undefined ? await reading.toLeader(TOPIC, 0) : await reading.toNode(node)
    const [one] = await fetchRecords(connection, TOPIC, [{ partition: 0, offset }], limits)
    return one as Fetched
  }
  const texts = ({ bytes }: Fetched) => readBatches(bytes, 0).map(({ value }) => value.toString())
  const kept = () => model.records(TOPIC, 0).map(({ value }) => value.toString())
  return { model, lot, cluster, connections, bounds, put, get, texts, kept }
}
