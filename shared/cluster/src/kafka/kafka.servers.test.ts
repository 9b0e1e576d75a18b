import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { deleteTopic, ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectionSet, KafkaCluster, REQUEST_MS } from './cluster.ts'
import { type Fetched, fetchRecords } from './fetch.ts'
import { KafkaError } from './kafka-error.ts'
import { deleteRecords } from './offsets.ts'
import { produce } from './produce.ts'
import { MAX_RECORD_BYTES, readBatches } from './record-batch.ts'

const { CompressionTypes, Kafka, logLevel } = kafkajs
const LIMITS = { waitMs: 0, maxBytes: 2 ** 22, partitionBytes: 2 ** 20, timeoutMs: REQUEST_MS }
const NEVER = new AbortController().signal

let kafka: KafkaServers
let cluster: KafkaCluster
let connections: ConnectionSet
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
  connections = cluster.connections()
})
afterAll(async () => {
  connections.close()
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

let topics = 0
async function topic(partitions = 1): Promise<string> {
  const name = `kafka-${++topics}`
  await ensureTestTopic(kafka.brokers, name, partitions)
  return name
}

async function put(name: string, partition: number, ...values: (string | Buffer)[]): Promise<number[]> {
  const offsets: number[] = []
  for (const value of values) {
    const connection = await connections.toLeader(name, partition)
    const [one] = await produce(connection, name, [{ partition, value: Buffer.from(value) }], REQUEST_MS)
    expect(one).toMatchObject({ partition, error: undefined })
    offsets.push(one?.offset ?? -1)
  }
  return offsets
}

async function get(name: string, offset: number, limits = LIMITS, partition = 0): Promise<Fetched> {
  const connection = await connections.toLeader(name, partition)
  const [one] = await fetchRecords(connection, name, [{ partition, offset }], limits)
  return one as Fetched
}

const texts = ({ bytes }: Fetched, from = 0) => readBatches(bytes, from).map(({ value }) => value.toString())

describe('what is known of topics', () => {
  it('tells leaders and ids; of one that is made anew another id; of one that is not there nothing', async () => {
    const name = await topic(3)
    const first = await cluster.topic(name)
    expect(first).toMatchObject({ name, leaders: [1, 1, 1], replicas: 1 })
    expect(first?.id).toMatch(/^[0-9a-f]{32}$/)
    expect(await cluster.leader(name, 2)).toBe(1)
    expect(cluster.brokerCount).toBe(1)
    expect(cluster.address(1)).toMatchObject({ port: Number(kafka.brokers.split(':')[1]) })
    await deleteTopic(kafka.brokers, name)
    await ensureTestTopic(kafka.brokers, name)
    expect((await cluster.topic(name))?.id, 'known until it proves wrong').toBe(first?.id)
    cluster.forget(name)
    const second = await cluster.topic(name)
    expect(second?.leaders).toEqual([1])
    expect(second?.id).not.toBe(first?.id)
    expect(await cluster.topic('nowhere')).toBeUndefined()
    await expect(cluster.leader('nowhere', 0)).rejects.toMatchObject({ code: 'LEADER_NOT_AVAILABLE' })
    await expect(cluster.leader(name, 7)).rejects.toMatchObject({ code: 'LEADER_NOT_AVAILABLE' })
  })

  it('many who ask at once are all answered', async () => {
    const names = await Promise.all([topic(), topic(), topic(2)])
    const asked = Array.from({ length: 30 }, (_, i) => cluster.topic(names[i % 3] as string))
    const found = await Promise.all(asked)
    expect(found.map((one) => one?.name)).toEqual(Array.from({ length: 30 }, (_, i) => names[i % 3]))
  })
})

describe('records', () => {
  it('are read back as they were appended, by partition, from any offset', async () => {
    const name = await topic(2)
    const connection = await connections.toLeader(name, 0)
    const both = [0, 1].map((partition) => ({ partition, value: Buffer.from(`both ${partition}`) }))
    const produced = await produce(connection, name, both, REQUEST_MS)
    expect(produced.toSorted((a, b) => a.partition - b.partition)).toEqual([
      { partition: 0, offset: 0, error: undefined },
      { partition: 1, offset: 0, error: undefined },
    ])
    expect(await put(name, 1, 'second', 'third')).toEqual([1, 2])
    const from = [
      { partition: 0, offset: 0 },
      { partition: 1, offset: 1 },
    ]
    const fetched = await fetchRecords(connection, name, from, LIMITS)
    const [none, some] = fetched.toSorted((a, b) => a.partition - b.partition) as [Fetched, Fetched]
    expect([none.end, some.end, some.floor]).toEqual([1, 3, 0])
    expect(texts(none)).toEqual(['both 0'])
    expect(texts(some, 1)).toEqual(['second', 'third'])
  })

  it('of every size up to the largest, which is given whole however little was asked for', async () => {
    const name = await topic()
    const values = [0, 1, 64, 8_192, 2 * 2 ** 20, MAX_RECORD_BYTES - 128].map((n) => Buffer.alloc(n, n % 251))
    await put(name, 0, ...values)
    for (const [offset, value] of values.entries()) {
      const { bytes } = await get(name, offset, { ...LIMITS, maxBytes: 1, partitionBytes: 1 })
      expect(readBatches(bytes, offset)[0]?.value.equals(value)).toBe(true)
    }
  })

  it('one that is too large is refused for good', async () => {
    const name = await topic()
    const connection = await connections.toLeader(name, 0)
    const value = Buffer.alloc(MAX_RECORD_BYTES + 1)
    const [refused] = await produce(connection, name, [{ partition: 0, value }], REQUEST_MS)
    expect(refused).toMatchObject({ offset: -1, error: { code: 'MESSAGE_TOO_LARGE', isFinal: true } })
    expect(await put(name, 0, 'small')).toEqual([0])
  })

  it('of another client are read, too, compressed or not', async () => {
    const name = await topic()
    const producer = new Kafka({ brokers: kafka.brokers.split(','), logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const messages = ['a', 'b', 'c'].map((value) => ({ value, key: `key ${value}`, headers: { h: '1' } }))
    await producer.send({ topic: name, messages })
    await producer.send({ topic: name, messages, compression: CompressionTypes.GZIP })
    await producer.disconnect()
    expect(texts(await get(name, 1, { ...LIMITS, partitionBytes: 1 }), 1)).toEqual(['b', 'c'])
    expect(texts(await get(name, 4), 4)).toEqual(['b', 'c'])
  })
})

describe('where a partition begins and ends', () => {
  const bounds = async (name: string) => {
    const floor = await cluster.offsets(name, [0, 1], 'floor', NEVER)
    const end = await cluster.offsets(name, [0, 1], 'end', NEVER)
    return [0, 1].map((partition) => [floor.get(partition), end.get(partition)])
  }

  it('an offset behind the end or below the floor is out of range, the end itself is not', async () => {
    const name = await topic(2)
    expect(await bounds(name)).toEqual([
      [0, 0],
      [0, 0],
    ])
    await put(name, 1, 'a', 'b', 'c', 'd')
    const connection = await connections.toLeader(name, 1)
    await deleteRecords(connection, name, new Map([[1, 3]]), REQUEST_MS)
    expect(await bounds(name)).toEqual([
      [0, 0],
      [3, 4],
    ])
    const code = async (offset: number) => (await get(name, offset, LIMITS, 1)).error?.code
    expect(await code(2)).toBe('OFFSET_OUT_OF_RANGE')
    expect(await code(5)).toBe('OFFSET_OUT_OF_RANGE')
    expect(await get(name, 4, LIMITS, 1)).toMatchObject({ error: undefined, end: 4, floor: 3 })
    expect(texts(await get(name, 3, LIMITS, 1), 3)).toEqual(['d'])
  })

  it('removing what is removed already changes nothing, beyond the end is refused', async () => {
    const name = await topic(2)
    await put(name, 0, 'a', 'b', 'c')
    const connection = await connections.toLeader(name, 0)
    await deleteRecords(connection, name, new Map([[0, 2]]), REQUEST_MS)
    await deleteRecords(connection, name, new Map([[0, 1]]), REQUEST_MS)
    await expect(deleteRecords(connection, name, new Map([[0, 9]]), REQUEST_MS)).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    })
    expect((await bounds(name))[0]).toEqual([2, 3])
  })
})

describe('while the broker is away', () => {
  it('what may be done twice waits for it, and says so', async () => {
    const name = await topic()
    await put(name, 0, 'before')
    const health = new ServerHealth('Kafka', silentLogger)
    const waiting = new KafkaCluster(kafka.brokers.split(','), health)
    await waiting.offsets(name, [0], 'end', NEVER)
    const [node] = kafka.nodes
    await node?.kill()
    const ended = waiting.offsets(name, [0], 'end', NEVER)
    await expect.poll(() => health.trouble, { timeout: 20_000 }).toContain('Kafka does not answer')
    await node?.start()
    expect((await ended).get(0)).toBe(1)
    expect(health.trouble).toBeUndefined()
    waiting.close()
  })

  it('a wait is given up when it is asked to, a refusal that is final at once', async () => {
    const name = await topic()
    const stop = new AbortController()
    let attempts = 0
    const trying = cluster.atLeader(connections, name, 0, stop.signal, () => {
      if (++attempts === 3) stop.abort()
      return Promise.reject(new KafkaError('NOT_LEADER_OR_FOLLOWER', 'made by the test'))
    })
    await expect(trying).rejects.toMatchObject({ code: 'NOT_LEADER_OR_FOLLOWER' })
    expect(attempts).toBe(3)
    for (const error of [
      new KafkaError('MESSAGE_TOO_LARGE', ''),
      new KafkaError('OFFSET_OUT_OF_RANGE', ''),
      new Error('our own'),
    ])
      await expect(cluster.atLeader(connections, name, 0, NEVER, () => Promise.reject(error))).rejects.toBe(
        error,
      )
  })
})
