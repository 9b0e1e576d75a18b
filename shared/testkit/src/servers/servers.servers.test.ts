import { wait } from '@bgs/runtime/service/wait.ts'
import { Redis } from 'ioredis'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KafkaServers, startKafka } from './kafka.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { type RedisServer, startRedis } from './redis.ts'

const PAUSE_MS = 300

function kafkaClient(servers: KafkaServers): Kafka {
  const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 20 }
  return new Kafka({ brokers: servers.brokers.split(','), logLevel: logLevel.NOTHING, retry })
}

async function withAdmin<T>(servers: KafkaServers, step: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(servers).admin()
  await admin.connect()
  try {
    return await step(admin)
  } finally {
    await admin.disconnect()
  }
}

async function produce(servers: KafkaServers, topic: string, value: string): Promise<void> {
  const producer = kafkaClient(servers).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  await producer.send({ topic, messages: [{ value }], acks: -1 })
  await producer.disconnect()
}

/** Values of the topic from its beginning up to `count` of them. */
async function consume(servers: KafkaServers, topic: string, count: number): Promise<string[]> {
  const consumer = kafkaClient(servers).consumer({ groupId: `group-${Math.random()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value?.toString() ?? '')
        if (values.length === count) resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}

/** Whether the answer to `question` comes only after what is paused was resumed. */
async function answersOnlyAfter(
  server: { pause(): void; resume(): void },
  question: () => Promise<unknown>,
): Promise<boolean> {
  server.pause()
  let resumed = false
  const answer = question().then(() => resumed)
  await wait(PAUSE_MS)
  resumed = true
  server.resume()
  return answer
}

describe('one Kafka broker', () => {
  let servers: KafkaServers
  beforeAll(async () => {
    servers = await startKafka()
  })
  afterAll(() => servers[Symbol.asyncDispose]())

  it('keeps a message through kill -9, and creates no topic by itself', async () => {
    await withAdmin(servers, (admin) => admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 2 }] }))
    await produce(servers, 'kept', 'before')
    const [node] = servers.nodes
    await node?.kill()
    await node?.start()
    await produce(servers, 'kept', 'after')
    expect((await consume(servers, 'kept', 2)).sort()).toEqual(['after', 'before'])
    const asked = withAdmin(servers, (admin) => admin.fetchTopicMetadata({ topics: ['unknown'] }))
    await expect(asked).rejects.toThrow('does not host this topic')
  })

  it('answers when it is resumed, and starts again after a proper end', async () => {
    const [node] = servers.nodes
    if (node === undefined) throw new Error('no node')
    await withAdmin(servers, async (admin) => {
      expect(await answersOnlyAfter(node, () => admin.listTopics())).toBe(true)
    })
    await node.stop()
    await node.start()
    expect(await withAdmin(servers, (admin) => admin.listTopics())).toContain('kept')
  })
})

describe('three Kafka brokers', () => {
  let servers: KafkaServers
  beforeAll(async () => {
    servers = await startKafka({ brokers: 3 })
  })
  afterAll(() => servers[Symbol.asyncDispose]())

  it('elect a new leader when one is killed, and keep what was acknowledged', async () => {
    const leader = () =>
      withAdmin(servers, async (admin) => {
        const { topics } = await admin.fetchTopicMetadata({ topics: ['kept'] })
        return topics[0]?.partitions[0]?.leader ?? -1
      })
    await withAdmin(servers, (admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic: 'kept', numPartitions: 1, replicationFactor: 3 }],
      }),
    )
    await produce(servers, 'kept', 'before')
    const killed = await leader()
    await servers.nodes[killed - 1]?.kill()
    await expect.poll(leader, { timeout: 30_000, interval: 250 }).not.toBe(killed)
    await produce(servers, 'kept', 'after')
    await servers.nodes[killed - 1]?.start()
    expect(await consume(servers, 'kept', 2)).toEqual(['before', 'after'])
  })
})

describe('PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  async function query(sql: string, url = server.url): Promise<unknown[]> {
    const client = new Client(url)
    await client.connect()
    const { rows } = await client.query(sql)
    await client.end()
    return rows
  }

  it('keeps a row through kill -9 and through a proper end, with fsync on', async () => {
    expect(await query('SHOW fsync')).toEqual([{ fsync: 'on' }])
    await query('CREATE TABLE kept AS SELECT 1 AS it')
    await server.kill()
    await expect(query('SELECT 1')).rejects.toThrow('ECONNREFUSED')
    await server.start()
    expect(await query('SELECT it FROM kept')).toEqual([{ it: 1 }])
    await server.stop()
    await server.start()
    expect(await query('SELECT it FROM kept')).toEqual([{ it: 1 }])
  })

  it('answers open connections too only when it is resumed', async () => {
    const client = new Client(server.url)
    await client.connect()
    expect(await answersOnlyAfter(server, () => client.query('SELECT 1'))).toBe(true)
    await client.end()
  })

  it('has databases beside each other', async () => {
    const url = await server.createDatabase('another')
    expect(await query('SELECT current_database() AS name', url)).toEqual([{ name: 'another' }])
  })
})

describe('Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  it('forgets by flush and by kill -9', async () => {
    const client = new Redis(server.url, { retryStrategy: () => 50 })
    client.on('error', () => {})
    await client.set('key', 'value')
    expect(await client.get('key')).toBe('value')
    await server.flush()
    expect(await client.get('key')).toBe(null)
    await client.set('key', 'value')
    await server.kill()
    await server.start()
    expect(await client.get('key')).toBe(null)
    client.disconnect()
  })

  it('answers when it is resumed', async () => {
    const client = new Redis(server.url)
    expect(await answersOnlyAfter(server, () => client.ping())).toBe(true)
    client.disconnect()
  })
})
