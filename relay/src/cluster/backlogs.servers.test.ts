import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaCluster, REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { leaderLogDirs } from '@bgs/cluster/kafka/log-dirs.ts'
import { deleteRecords } from '@bgs/cluster/kafka/offsets.ts'
import { produce } from '@bgs/cluster/kafka/produce.ts'
import { SEGMENT_BYTES } from '@bgs/cluster/kafka/topics.ts'
import { positionOf } from '@bgs/contract/bus/position.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { topicBacklog } from './backlogs.ts'
import type { ClusterContext } from './context.ts'
import { sequencedRetention } from './sequenced-retention.ts'

const PARTITIONS = 2
let kafka: KafkaServers
let cluster: KafkaCluster
let database: SqliteDatabase
let folder: string
let context: ClusterContext
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
  folder = await mkdtemp(join(tmpdir(), 'backlog-'))
  database = await SqliteDatabase.open(join(folder, 'state.db'))
  context = {
    kafka: cluster,
    database,
    logger: silentLogger,
    settings: {
      RELAY_RAW_PARTITIONS: PARTITIONS,
      RELAY_BACKLOG_BYTES: 2 ** 40,
      RELAY_RETENTION_BYTES: undefined,
    },
    supervisor: { signal: new AbortController().signal },
    topic: (name: string) => `skewed.${name}`,
    generations: { raw: 1, verified: 1, control: 1 },
  } as unknown as ClusterContext
  for (const name of ['raw', 'sequenced'])
    await ensureTestTopic(kafka.brokers, `skewed.${name}`, name === 'raw' ? PARTITIONS : 1)
})
afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true })
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

it('what waits in a topic is known, however much its records differ in size', async () => {
  const connections = cluster.connections()
  const put = async (partition: number, bytes: number) => {
    const value = Buffer.alloc(bytes, partition)
    await produce(
      await connections.toLeader('skewed.raw', partition),
      'skewed.raw',
      [{ partition, value }],
      REQUEST_MS,
    )
    return bytes
  }
  const consume = async (offset: number) => {
    for (let number = 0; number < PARTITIONS; number++)
      await database.query(
        `INSERT INTO partitions (topic, number, generation, position, owner, fence) VALUES ('raw', $1, 1, $2, NULL, 0)
          ON CONFLICT (topic, number) DO UPDATE SET position = excluded.position`,
        [number, positionOf(offset, 0)],
      )
  }
  const early = topicBacklog(context, 'raw')
  await early.look()
  const appended: number[] = []
  for (let i = 0; i < 150; i++) {
    let bytes = 0
    // One of thirty takes 10,000 times as much as the others.
    for (let partition = 0; partition < PARTITIONS; partition++)
      bytes += await put(partition, i % 30 === 29 ? 2_000_000 : 200)
    appended.push(bytes)
    await early.look()
  }
  const waiting = (from: number) => appended.slice(from).reduce((sum, bytes) => sum + bytes, 0)
  expect(waiting(0)).toBeGreaterThan(20_000_000)
  // Each record has some 70 bytes around it.
  const around = (bytes: number) => [bytes * 0.99, bytes * 1.01 + 150 * 2 * 80] as const
  const isAbout = (bytes: number, wanted: number) => {
    const [least, most] = around(wanted)
    expect(bytes).toBeGreaterThanOrEqual(least)
    expect(bytes).toBeLessThan(most)
  }
  isAbout(early.bytes, waiting(0))
  const late = topicBacklog(context, 'raw')
  await late.look()
  expect(late.bytes, 'of one that begins now, never more than there is').toBeLessThan(around(waiting(0))[1])
  expect(late.bytes).toBeGreaterThanOrEqual(waiting(0) - PARTITIONS * SEGMENT_BYTES.raw)
  for (const offset of [29, 31, 100, 150]) {
    await consume(offset)
    await early.look()
    isAbout(early.bytes, waiting(offset))
    for (let partition = 0; partition < PARTITIONS; partition++)
      await deleteRecords(
        await connections.toLeader('skewed.raw', partition),
        'skewed.raw',
        new Map([[partition, offset]]),
        REQUEST_MS,
      )
    await early.look()
    isAbout(early.bytes, waiting(offset))
  }
  connections.close()
})

it('the window of the log in Kafka is half of the disk that its leader has, with what it takes already', async () => {
  const connections = cluster.connections()
  const put = async () =>
    produce(
      await connections.toLeader('skewed.sequenced', 0),
      'skewed.sequenced',
      [{ partition: 0, value: Buffer.alloc(5_000_000) }],
      REQUEST_MS,
    )
  const retained = await sequencedRetention(context)
  const [dir] = await leaderLogDirs(cluster, connections, 'skewed.sequenced', [0])
  expect(retained).toBeGreaterThan(0)
  expect(retained).toBeLessThan((dir?.totalBytes ?? 0) / 2)
  await put()
  const [after] = await leaderLogDirs(cluster, connections, 'skewed.sequenced', [0])
  expect(after?.sizes.get(0)).toBeGreaterThan(5_000_000)
  const set = { ...context, settings: { ...context.settings, RELAY_RETENTION_BYTES: 12_345 } }
  expect(await sequencedRetention(set)).toBe(12_345)
  connections.close()
})
