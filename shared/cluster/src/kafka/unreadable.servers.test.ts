import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { FlippingProxy } from '@bgs/testkit/flipping-proxy.ts'
import { ensureTestTopic, setTopic } from '@bgs/testkit/kafka-topic.ts'
import { entriesOf, entryOf, NOTHING_SEEN, readAll } from '@bgs/testkit/log-entries.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KafkaConsumer } from '../bus/kafka-consumer.ts'
import { KafkaLog } from '../log/kafka-log.ts'
import { SequencedReader } from '../log/sequenced-reader.ts'
import { KafkaCluster, REQUEST_MS } from './cluster.ts'
import { produce } from './produce.ts'

const NO_POSITIONS = Buffer.alloc(0)
const WAIT = { timeout: 20_000, interval: 10 }
let kafka: KafkaServers
let cluster: KafkaCluster
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
})
afterAll(async () => {
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

function openLog(topic: string): Promise<KafkaLog> {
  return KafkaLog.open({
    cluster,
    topic,
    generation: 1,
    seen: NOTHING_SEEN,
    onFound: async () => undefined,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 50,
    signal: AbortSignal.timeout(60_000),
  })
}

it.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])(
  'a topic whose broker was set to %s while it was written is read on',
  async (codec) => {
    const topic = `codec-${codec}`
    await ensureTestTopic(kafka.brokers, topic)
    const log = await openLog(topic)
    const append = async (mark: number) => {
      await log.append([entryOf(mark, 300_000), entryOf(mark + 1, 70)], NO_POSITIONS)
    }
    await append(0)
    await setTopic(kafka.brokers, topic, 'compression.type', codec)
    for (let mark = 2; mark < 10; mark += 2) await append(mark)
    await setTopic(kafka.brokers, topic, 'compression.type', 'producer')
    await append(10)
    const read = [...entriesOf(await readAll(log, log.bounds().first)).values()]
    expect(read.map(({ facts }) => facts.readUInt32LE(0))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    await log.close()
  },
)

it('what cannot be read is waited at, and said; the other partitions are read on', async () => {
  const topic = 'unreadable'
  await ensureTestTopic(kafka.brokers, topic, 2)
  await using proxy = await FlippingProxy.before(kafka.brokers)
  const records = new ServerHealth('A record', silentLogger)
  const through = new KafkaCluster([proxy.address], new ServerHealth('Kafka', silentLogger), records)
  proxy.redirect(through)
  const consumer = new KafkaConsumer<number>({
    cluster: through,
    topic,
    generation: 1,
    decode: (record) => [record.length],
    weigh: (bytes) => bytes,
    maxBytes: 2 ** 24,
    pauseMs: 5,
  })
  consumer.assign(0, 0)
  consumer.assign(1, 0)
  const stop = new AbortController()
  const running = consumer.run(stop.signal)
  const connections = cluster.connections()
  const put = async (partition: number, bytes: number) =>
    produce(
      await connections.toLeader(topic, partition),
      topic,
      [{ partition, value: Buffer.alloc(bytes) }],
      REQUEST_MS,
    )
  const taken: number[] = []
  const take = () => {
    for (const entry of consumer.poll(100)) {
      taken.push(entry.value)
      consumer.done(entry)
    }
    return taken
  }
  proxy.flips = true
  await put(0, 50_000)
  await expect.poll(() => proxy.flipped, WAIT).toBeGreaterThan(2)
  await expect.poll(() => records.trouble, WAIT).toContain('checksum')
  expect(take()).toEqual([])
  proxy.flips = false
  await expect.poll(take, WAIT).toEqual([50_000])
  expect(records.trouble).toBeUndefined()
  await put(1, 60)
  await expect.poll(take, WAIT).toEqual([50_000, 60])
  stop.abort()
  await running
  connections.close()
  through.close()
})

it('the log is waited at, too', async () => {
  const topic = 'unreadable-log'
  await ensureTestTopic(kafka.brokers, topic)
  const log = await openLog(topic)
  await log.append([entryOf(1, 100_000)], NO_POSITIONS)
  await using proxy = await FlippingProxy.before(kafka.brokers)
  const records = new ServerHealth('A record', silentLogger)
  const through = new KafkaCluster([proxy.address], new ServerHealth('Kafka', silentLogger), records)
  proxy.redirect(through)
  proxy.flips = true
  const reader = new SequencedReader(through, topic)
  const reading = reader.read(0, 2 ** 20, 0, AbortSignal.timeout(60_000))
  await expect.poll(() => records.trouble, WAIT).toContain('checksum')
  proxy.flips = false
  expect((await reading).records).toHaveLength(2)
  expect(records.trouble).toBeUndefined()
  reader.close()
  through.close()
  await log.close()
})
