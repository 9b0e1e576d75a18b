import { setImmediate } from 'node:timers/promises'
import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import { offsetOf, positionOf } from '@bgs/contract/bus/position.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { deleteTopic, ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KafkaCluster, REQUEST_MS, TopicRemadeError } from '../kafka/cluster.ts'
import { fetchRecords } from '../kafka/fetch.ts'
import type { TopicMetadata } from '../kafka/metadata.ts'
import { deleteRecords } from '../kafka/offsets.ts'
import { produce } from '../kafka/produce.ts'
import { readBatches } from '../kafka/record-batch.ts'
import { KafkaConsumer, type KafkaConsumerOptions } from './kafka-consumer.ts'
import { KafkaProducer, type KafkaProducerOptions } from './kafka-producer.ts'
import { LostRecordsError } from './lost-records.ts'

const PARTITIONS = 4
const WAIT = { timeout: 40_000, interval: 20 }

let kafka: KafkaServers
let cluster: KafkaCluster
const stop: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
})
afterEach(async () => {
  for (const end of stop.splice(0)) await end()
})
afterAll(async () => {
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

let topics = 0
async function newTopic(partitions = PARTITIONS): Promise<string> {
  const name = `bus-${++topics}`
  await ensureTestTopic(kafka.brokers, name, partitions)
  return name
}

const encode = (values: readonly string[]) => Buffer.from(`1${JSON.stringify(values)}`)
function decode(record: Buffer): string[] {
  const text = record.toString()
  if (!text.startsWith('1')) throw new RangeError(`records of format ${text[0]} are not known here`)
  return JSON.parse(text.slice(1)) as string[]
}

/** A producer at work. Each value is its own token, with its partition. */
function producerOf(topic: string, options: Partial<KafkaProducerOptions<string, string>> = {}) {
  const producer = new KafkaProducer<string, string>({
    cluster,
    topic,
    partitions: PARTITIONS,
    encode,
    maxBytes: 1e6,
    lingerMs: 2,
    onSafe: () => undefined,
    onUnwritable: () => undefined,
    ...options,
  })
  const end = new AbortController()
  const running = producer.run(end.signal)
  running.catch(() => undefined)
  stop.push(async () => {
    end.abort()
    await running.catch(() => undefined)
  })
  return { producer, running }
}

/** A consumer at work. `taken` is what it handed out and was not looked at yet. */
function consumerOf(topic: string, options: Partial<KafkaConsumerOptions<string>> = {}) {
  const consumer = new KafkaConsumer<string>({
    cluster,
    topic,
    generation: 1,
    decode,
    weigh: (value) => value.length + 20,
    maxBytes: 1e9,
    pauseMs: 0,
    ...options,
  })
  const end = new AbortController()
  const running = consumer.run(end.signal)
  running.catch(() => undefined)
  stop.push(async () => {
    end.abort()
    await running.catch(() => undefined)
  })
  const taken: BusEntry<string>[] = []
  const has = async (count: number) => {
    const poll = () => {
      taken.push(...consumer.poll(1_000))
      return taken.length
    }
    await expect.poll(poll, WAIT).toBeGreaterThanOrEqual(count)
    return taken
  }
  return { consumer, running, taken, has }
}

/** Appends records of so many values each to a partition; resolves to the offset of the first. */
async function put(topic: string, records: readonly (readonly string[])[], partition = 0): Promise<number> {
  const connections = cluster.connections()
  let first = -1
  for (const values of records) {
    const connection = await connections.toLeader(topic, partition)
    const [one] = await produce(connection, topic, [{ partition, value: encode(values) }], REQUEST_MS)
    expect(one?.error).toBeUndefined()
    if (first < 0) first = one?.offset ?? -1
  }
  connections.close()
  return first
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

/** Publishes 1 … count to each partition, as there is room for it; `pause` after each number. */
async function publishAll(
  producer: KafkaProducer<string, string>,
  count: number,
  pause = async () => {},
): Promise<void> {
  for (const n of range(count)) {
    await pause()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const value = `${partition}:${n}`
      await producer.room()
      producer.publish(partition, value, value.length, value)
    }
  }
}

/** The numbers that each partition gave, in order; every entry is called done. */
function byPartition(consumer: KafkaConsumer<string>) {
  const all: number[][] = Array.from({ length: PARTITIONS }, () => [])
  const take = () => {
    for (const entry of consumer.poll(10_000)) {
      const [partition, n] = entry.value.split(':').map(Number)
      expect(partition).toBe(entry.partition)
      all[entry.partition]?.push(n as number)
      consumer.done(entry)
    }
  }
  return { all, take }
}

/** What is left of a sequence when what was seen before is dropped, as the sequencer does (invariant 2). */
function withoutRepeats(numbers: readonly number[]): number[] {
  const kept: number[] = []
  for (const n of numbers) if (n > (kept.at(-1) ?? 0)) kept.push(n)
  return kept
}

describe('from producer to consumer', () => {
  it('every value arrives once and in the order of its partition; every token is safe once', async () => {
    const topic = await newTopic()
    const safe = new Map<string, number>()
    const { producer } = producerOf(topic, {
      onSafe: (token) => safe.set(token, (safe.get(token) ?? 0) + 1),
    })
    const { consumer } = consumerOf(topic)
    for (let partition = 0; partition < PARTITIONS; partition++) consumer.assign(partition, 0)
    let rings = 0
    consumer.onAvailable(() => rings++)
    const count = 5_000
    await publishAll(producer, count)
    const { all, take } = byPartition(consumer)
    await expect
      .poll(() => {
        take()
        return all.map(({ length }) => length)
      }, WAIT)
      .toEqual([count, count, count, count])
    for (const numbers of all) expect(numbers).toEqual(range(count))
    await expect.poll(() => producer.pendingRecords, WAIT).toBe(0)
    expect(producer.pendingBytes).toBe(0)
    expect(safe.size).toBe(PARTITIONS * count)
    expect(new Set(safe.values())).toEqual(new Set([1]))
    expect(rings).toBeGreaterThan(0)
    const ends = await cluster.offsets(topic, [0, 1, 2, 3], 'end', new AbortController().signal)
    for (const [partition, position] of consumer.positions())
      expect(position).toBe(positionOf(ends.get(partition) ?? -1, 0))
    expect([consumer.openBytes, consumer.lag()]).toEqual([0, 0])
  })

  it('a token is safe only when its record can be read', async () => {
    const topic = await newTopic()
    const connections = cluster.connections()
    const offsets: number[] = []
    const reads: Promise<void>[] = []
    const read = async (token: string) => {
      const offset = offsets.at(-1) as number
      const connection = await connections.toLeader(topic, 0)
      const limits = { waitMs: 0, maxBytes: 1e6, partitionBytes: 1e6, timeoutMs: REQUEST_MS }
      const [one] = await fetchRecords(connection, topic, [{ partition: 0, offset }], limits)
      expect(readBatches(one?.bytes as Buffer, offset).flatMap(({ value }) => decode(value))).toContain(token)
    }
    const { producer } = producerOf(topic, {
      onAppended: (_partition, offset) => offsets.push(offset),
      onSafe: (token) => reads.push(read(token)),
    })
    const count = 60
    for (const n of range(count)) {
      producer.publish(0, String(n), 1, String(n))
      await expect.poll(() => reads.length, { timeout: 10_000, interval: 1 }).toBe(n)
    }
    await Promise.all(reads)
    connections.close()
  })

  it('a value of 5,000,000 bytes passes, and the small ones around it', async () => {
    const topic = await newTopic()
    const { producer } = producerOf(topic)
    const { consumer, has } = consumerOf(topic)
    consumer.assign(1, 0)
    const large = 'x'.repeat(5_000_000)
    for (const value of ['before', large, 'after']) producer.publish(1, value, value.length, value)
    const values = (await has(3)).map(({ value }) => value)
    expect(values.map(({ length }) => length)).toEqual([6, 5_000_000, 5])
    expect(values[1] === large).toBe(true)
  })

  it('while the broker is killed and comes back nothing is lost or out of order: prefixes without holes (invariant 3)', async () => {
    const topic = await newTopic()
    const safe = new Set<string>()
    const { producer } = producerOf(topic, { onSafe: (token) => safe.add(token) })
    const { consumer } = consumerOf(topic)
    for (let partition = 0; partition < PARTITIONS; partition++) consumer.assign(partition, 0)
    const count = 3_000
    // While a record is under way others come, and half of them while the broker is away.
    const killed = Promise.withResolvers<void>()
    let published = 0
    const publishing = publishAll(producer, count, async () => {
      await setImmediate()
      if (++published > count / 2) await killed.promise
    })
    const { all, take } = byPartition(consumer)
    const [node] = kafka.nodes
    await expect.poll(() => safe.size, WAIT).toBeGreaterThan((PARTITIONS * count) / 4)
    await node?.kill()
    killed.resolve()
    take()
    await publishing
    await node?.start()
    await expect
      .poll(() => {
        take()
        return [safe.size, ...all.map((numbers) => withoutRepeats(numbers).length)]
      }, WAIT)
      .toEqual([PARTITIONS * count, count, count, count, count])
    for (const numbers of all) expect(withoutRepeats(numbers)).toEqual(range(count))
  })
})

describe('the producer', () => {
  it('says that there is no room while too much is on its way, or something else is full', async () => {
    const topic = await newTopic()
    let full: PromiseWithResolvers<void> | undefined
    const { producer } = producerOf(topic, { maxBytes: 1_000, full: () => full?.promise })
    expect(producer.room()).toBeUndefined()
    const [node] = kafka.nodes
    node?.pause()
    for (let n = 0; n < 10; n++) producer.publish(n % PARTITIONS, String(n), 100, String(n))
    const room = producer.room()
    expect(room).toBeInstanceOf(Promise)
    expect(producer.room(), 'one promise for all who wait').toBe(room)
    expect([producer.pendingBytes, producer.pendingRecords]).toEqual([1_000, 10])
    node?.resume()
    await room
    expect(producer.pendingBytes).toBeLessThan(750)
    await expect.poll(() => producer.pendingBytes, WAIT).toBe(0)
    full = Promise.withResolvers<void>()
    expect(producer.room()).toBe(full.promise)
  })

  it('says for how long what it offers has had no answer, and no more once it has', async () => {
    const topic = await newTopic()
    const { producer } = producerOf(topic)
    producer.publish(0, 'a', 1, 'a')
    await expect.poll(() => producer.pendingRecords, WAIT).toBe(0)
    expect(producer.unansweredMs()).toBe(0)
    const [node] = kafka.nodes
    node?.pause()
    producer.publish(0, 'b', 1, 'b')
    await expect.poll(() => producer.unansweredMs(), WAIT).toBeGreaterThan(1_000)
    node?.resume()
    await expect.poll(() => producer.pendingRecords, WAIT).toBe(0)
    expect(producer.unansweredMs()).toBe(0)
  })

  it('knows no partition beyond its own', async () => {
    const { producer } = producerOf(await newTopic())
    expect(() => producer.publish(PARTITIONS, '', 1, '')).toThrow(RangeError)
  })

  it('invariant 14: a value that cannot be written down is refused alone; all before and behind it arrive', async () => {
    const topic = await newTopic()
    const safe: string[] = []
    const unwritable: string[] = []
    const { producer } = producerOf(topic, {
      encode: (values) => {
        if (values.some((value) => value.startsWith('poison'))) throw new RangeError('a text of 70000 bytes')
        return encode(values)
      },
      onSafe: (token) => safe.push(token),
      onUnwritable: (value) => unwritable.push(value),
    })
    for (const value of ['a', 'poison 1', 'b', 'poison 2', 'c']) producer.publish(0, value, 10, value)
    producer.publish(1, 'poison 3', 10, 'poison 3')
    const { consumer, has } = consumerOf(topic)
    consumer.assign(0, 0)
    expect((await has(3)).map(({ value }) => value)).toEqual(['a', 'b', 'c'])
    await expect.poll(() => safe.length, WAIT).toBe(6)
    expect(unwritable.toSorted()).toEqual(['poison 1', 'poison 2', 'poison 3'])
    expect([producer.pendingRecords, producer.pendingBytes, producer.unwritable]).toEqual([0, 0, 3])
  })

  it('ends where a record can never be appended: nothing later may go before it', async () => {
    const topic = await newTopic()
    const { producer, running } = producerOf(topic)
    producer.publish(0, 'x'.repeat(11 * 2 ** 20), 1, '')
    await expect(running).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })
})

describe('the consumer', () => {
  const three = [
    ['a0', 'a1', 'a2'],
    ['b0', 'b1', 'b2'],
    ['c0', 'c1', 'c2'],
  ]

  it('tells up to where all is done, in whatever order things are done', async () => {
    const topic = await newTopic(1)
    await put(topic, three)
    const { consumer, has } = consumerOf(topic)
    consumer.assign(0, 0)
    const entries = await has(9)
    expect(entries.map(({ value }) => value)).toEqual(three.flat())
    const expected = [0, 1, 2].flatMap((offset) => [0, 1, 2].map((i) => positionOf(offset, i)))
    expect(entries.map(({ position }) => position)).toEqual(expected)
    expect(consumer.lag()).toBe(3)
    const at: number[] = []
    // All of the second record, then the first from behind, then the third.
    for (const i of [4, 3, 5, 2, 1, 0, 6, 8, 7]) {
      consumer.done(entries[i] as BusEntry<string>)
      at.push(consumer.positions().get(0) ?? -1)
      const undone = entries.findIndex((_, n) => ![4, 3, 5, 2, 1, 0, 6, 8, 7].slice(0, at.length).includes(n))
      if (undone >= 0) expect(at.at(-1)).toBeLessThanOrEqual(entries[undone]?.position as number)
    }
    expect(at.map(offsetOf)).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 3])
    expect([consumer.openBytes, consumer.lag()]).toEqual([0, 0])
  })

  it('goes on in the middle of a record, and behind the last entry of one', async () => {
    const topic = await newTopic(1)
    await put(topic, three)
    for (const [position, expected] of [
      [positionOf(0, 1), ['a1', 'a2', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2']],
      [positionOf(1, 2), ['b2', 'c0', 'c1', 'c2']],
      [positionOf(1, 3), ['c0', 'c1', 'c2']],
    ] as const) {
      const { consumer, has } = consumerOf(topic)
      consumer.assign(0, position)
      expect(consumer.positions().get(0)).toBe(position)
      const entries = await has(expected.length)
      expect(entries.map(({ value }) => value)).toEqual(expected)
      expect(consumer.positions().get(0)).toBe(position === positionOf(1, 3) ? positionOf(2, 0) : position)
      for (const entry of entries) consumer.done(entry)
      expect(consumer.positions().get(0)).toBe(positionOf(3, 0))
    }
  })

  it('of a partition that was taken away hands out nothing more; what was handed out may still be done', async () => {
    const topic = await newTopic(2)
    await put(topic, three)
    await put(topic, [['other']], 1)
    const { consumer, has, taken } = consumerOf(topic)
    consumer.assign(0, 0)
    consumer.assign(1, 0)
    await expect.poll(() => consumer.openBytes, WAIT).toBeGreaterThanOrEqual(three.length * 17)
    taken.push(...consumer.poll(2))
    const own = taken.filter(({ partition }) => partition === 0)
    consumer.unassign(0)
    consumer.unassign(0)
    expect(consumer.assigned).toEqual([1])
    await put(topic, [['late']])
    await put(topic, [['marker']], 1)
    await expect
      .poll(() => {
        taken.push(...consumer.poll(100))
        return taken.some(({ value }) => value === 'marker')
      }, WAIT)
      .toBe(true)
    expect(taken.filter(({ partition }) => partition === 0)).toEqual(own)
    for (const entry of taken) consumer.done(entry)
    expect(consumer.openBytes).toBe(0)
    expect(consumer.positions()).toEqual(new Map([[1, positionOf(2, 0)]]))
    // Given back, it goes on where it is told to, and what was done of its former life changes nothing.
    taken.length = 0
    consumer.assign(0, positionOf(1, 1))
    expect((await has(6)).map(({ value }) => value)).toEqual(['b1', 'b2', 'c0', 'c1', 'c2', 'late'])
    for (const entry of own) consumer.done(entry)
    expect(consumer.positions().get(0)).toBe(positionOf(1, 1))
  })

  it('fetches no more while too much of it is not done, and goes on when it is', async () => {
    const topic = await newTopic(1)
    const records = range(40).map((n) => [`${n} ${'x'.repeat(500_000)}`])
    await put(topic, records)
    const bounded = consumerOf(topic, { maxBytes: 1_000_000 })
    bounded.consumer.assign(0, 0)
    // When this one has everything, the other would have had the time, too.
    const free = consumerOf(topic)
    free.consumer.assign(0, 0)
    await free.has(40)
    await expect.poll(() => bounded.consumer.openBytes, WAIT).toBeGreaterThanOrEqual(1_000_000)
    const seen: string[] = []
    let most = 0
    await expect
      .poll(() => {
        most = Math.max(most, bounded.consumer.openBytes)
        for (const entry of bounded.consumer.poll(1)) {
          seen.push(entry.value.split(' ')[0] as string)
          bounded.consumer.done(entry)
        }
        return seen.length
      }, WAIT)
      .toBe(40)
    expect(seen.map(Number)).toEqual(range(40))
    // The bound, and what one fetch from one partition brings.
    expect(most).toBeLessThan(1_000_000 + 2 ** 20 + 500_100)
  })

  it('says for how long what it asks for has had no answer; a long poll has one soon, and who asks nothing waits for none', async () => {
    const topic = await newTopic()
    const { consumer } = consumerOf(topic)
    consumer.assign(0, 0)
    const [node] = kafka.nodes
    // Longer than any poll: of one that is answered four times a second it never grows so old.
    await expect.poll(() => consumer.unansweredMs(), WAIT).toBeGreaterThan(0)
    await expect.poll(() => consumer.unansweredMs(), WAIT).toBeLessThan(250)
    node?.pause()
    await expect.poll(() => consumer.unansweredMs(), WAIT).toBeGreaterThan(1_500)
    node?.resume()
    await expect.poll(() => consumer.unansweredMs(), WAIT).toBeLessThan(1_000)
    consumer.unassign(0)
    expect(consumer.unansweredMs()).toBe(0)
  })

  it('waits for a topic that is not there yet', async () => {
    const name = `bus-${topics + 1}`
    const { consumer, has } = consumerOf(name)
    consumer.assign(0, 0)
    await newTopic(1)
    await put(name, [['first']])
    expect((await has(1))[0]?.value).toBe('first')
  })

  it.each([
    ['trimmed above', 0],
    ['behind the end of', positionOf(9, 0)],
  ])('ends where what is to be read next was %s the partition', async (_name, position) => {
    const topic = await newTopic(1)
    await put(topic, three)
    const connections = cluster.connections()
    await deleteRecords(await connections.toLeader(topic, 0), topic, new Map([[0, 2]]), REQUEST_MS)
    connections.close()
    const { consumer, running } = consumerOf(topic)
    consumer.assign(0, position)
    await expect(running).rejects.toThrow(LostRecordsError)
    await expect(running).rejects.toThrow('holds 2 to 2')
  })

  it('goes on with the others where it is asked to report a partition that was trimmed', async () => {
    const topic = await newTopic(2)
    await put(topic, three)
    await put(topic, [['other']], 1)
    const connections = cluster.connections()
    await deleteRecords(await connections.toLeader(topic, 0), topic, new Map([[0, 2]]), REQUEST_MS)
    connections.close()
    const lost: number[] = []
    const { consumer, has } = consumerOf(topic, { onLost: ({ partition }) => lost.push(partition) })
    consumer.assign(0, 0)
    await expect.poll(() => lost, WAIT).toEqual([0])
    expect(consumer.assigned).toEqual([])
    consumer.assign(0, positionOf(2, 0))
    consumer.assign(1, 0)
    expect((await has(4)).map(({ value }) => value).toSorted()).toEqual(['c0', 'c1', 'c2', 'other'])
  })

  it('ends, as a producer does, where the topic is no longer the one that was pinned', async () => {
    const topic = await newTopic(1)
    const own = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
    const consuming = consumerOf(topic, { cluster: own })
    consuming.consumer.assign(0, 0)
    own.pin((await own.topic(topic)) as TopicMetadata)
    await deleteTopic(kafka.brokers, topic)
    await ensureTestTopic(kafka.brokers, topic, 1)
    own.forget(topic)
    const { producer, running } = producerOf(topic, { cluster: own, partitions: 1 })
    producer.publish(0, 'late', 4, 'late')
    await expect(running).rejects.toThrow(TopicRemadeError)
    await expect(consuming.running).rejects.toThrow(TopicRemadeError)
    own.close()
  })

  it('stops at a record of a format that it does not know, and never skips (invariant 17)', async () => {
    const topic = await newTopic(1)
    await put(topic, three)
    const connections = cluster.connections()
    const value = Buffer.from('2["of a later version"]')
    await produce(await connections.toLeader(topic, 0), topic, [{ partition: 0, value }], REQUEST_MS)
    connections.close()
    await put(topic, [['behind it']])
    const { consumer, running, taken } = consumerOf(topic)
    consumer.assign(0, 0)
    await expect(running).rejects.toThrow('format 2')
    taken.push(...consumer.poll(100))
    expect(taken.map(({ value: text }) => text)).not.toContain('behind it')
  })
})
