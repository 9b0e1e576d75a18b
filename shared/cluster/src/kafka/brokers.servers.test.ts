import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ConnectionSet, KafkaCluster, REQUEST_MS } from './cluster.ts'
import { fetchRecords } from './fetch.ts'
import { produce } from './produce.ts'
import { readBatches } from './record-batch.ts'
import { ensureTopics } from './topics.ts'

const NEVER = new AbortController().signal
const TOPIC = 'three.raw'
const PARTITIONS = 6

let kafka: KafkaServers
let cluster: KafkaCluster
let connections: ConnectionSet
beforeAll(async () => {
  kafka = await startKafka({ brokers: 3 })
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
  connections = cluster.connections()
  const topics = await ensureTopics(cluster, {
    prefix: 'three.',
    partitions: PARTITIONS,
    replicationFactor: undefined,
    minInsync: undefined,
    logger: silentLogger,
    signal: AbortSignal.timeout(60_000),
  })
  expect([...topics.values()].map(({ replicas }) => replicas)).toEqual([3, 3, 3, 3])
})
afterAll(async () => {
  connections.close()
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

/** Appends, as often as it takes: a value may come twice. */
async function put(partition: number, text: string): Promise<void> {
  const value = Buffer.from(text)
  await cluster.atLeader(connections, TOPIC, partition, AbortSignal.timeout(50_000), async (connection) => {
    const [one] = await produce(connection, TOPIC, [{ partition, value }], REQUEST_MS)
    if (one?.error !== undefined) throw one.error
  })
}

/** All that is committed in a partition, repeats left out. */
async function all(partition: number): Promise<string[]> {
  const found = new Set<string>()
  for (let offset = 0; ; ) {
    const { bytes, end } = await cluster.atLeader(
      connections,
      TOPIC,
      partition,
      NEVER,
      async (connection) => {
        const limits = { waitMs: 0, maxBytes: 1e6, partitionBytes: 1e6, timeoutMs: REQUEST_MS }
        const [one] = await fetchRecords(connection, TOPIC, [{ partition, offset }], limits)
        if (one === undefined || one.error !== undefined) throw one?.error ?? new Error('no answer')
        return one
      },
    )
    for (const record of readBatches(bytes, offset)) {
      found.add(record.value.toString())
      offset = record.offset + 1
    }
    if (offset >= end) return [...found]
  }
}

const partitions = Array.from({ length: PARTITIONS }, (_, i) => i)

it('after its leader was killed, what is appended to a partition and read of it goes on, and nothing is lost', async () => {
  await Promise.all(partitions.map((partition) => put(partition, 'before')))
  const node = await cluster.leader(TOPIC, 0)
  await kafka.nodes[node - 1]?.kill()
  await Promise.all(partitions.map((partition) => put(partition, 'after')))
  cluster.forget(TOPIC)
  expect(await cluster.leader(TOPIC, 0)).not.toBe(node)
  for (const partition of partitions) expect(await all(partition)).toEqual(['before', 'after'])
})
