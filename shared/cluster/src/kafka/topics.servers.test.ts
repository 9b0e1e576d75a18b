import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { keepingLogger } from '@bgs/testkit/log-lines.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import kafkajs, { type ITopicConfig } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaCluster } from './cluster.ts'
import { MAX_RECORD_BYTES } from './record-batch.ts'
import { ensureTopics, TOPICS, TopicError, type TopicsOptions } from './topics.ts'

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs
type Admin = ReturnType<InstanceType<typeof Kafka>['admin']>

let kafka: KafkaServers
let admin: Admin
beforeAll(async () => {
  kafka = await startKafka()
  admin = new Kafka({ brokers: kafka.brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
})
afterAll(async () => {
  await admin.disconnect()
  await kafka[Symbol.asyncDispose]()
})

const open = (health = new ServerHealth('Kafka', silentLogger)) =>
  new KafkaCluster(kafka.brokers.split(','), health)

async function ensure(prefix: string, options: Partial<TopicsOptions> = {}, cluster = open()) {
  try {
    return await ensureTopics(cluster, {
      prefix,
      partitions: 4,
      replicationFactor: undefined,
      minInsync: undefined,
      logger: silentLogger,
      signal: AbortSignal.timeout(60_000),
      ...options,
    })
  } finally {
    cluster.close()
  }
}

/** Topics of somebody else. */
async function make(...topics: ITopicConfig[]): Promise<void> {
  await admin.createTopics({ topics, waitForLeaders: false })
  const names = topics.map(({ topic }) => topic)
  await expect.poll(() => admin.listTopics(), { timeout: 20_000 }).toEqual(expect.arrayContaining(names))
}

async function settingsOf(topic: string): Promise<Record<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  })
  return Object.fromEntries(resources[0]?.configEntries.map((e) => [e.configName, e.configValue]) ?? [])
}

describe('the four topics', () => {
  it('are made with what no event may be lost over (invariant 5), and are found by the next one', async () => {
    const made = await ensure('made.')
    expect([...made.keys()]).toEqual([...TOPICS])
    expect([...made.values()].map(({ leaders }) => leaders.length)).toEqual([4, 4, 1, 1])
    for (const topic of TOPICS)
      expect(await settingsOf(`made.${topic}`)).toMatchObject({
        'retention.ms': '-1',
        'retention.bytes': '-1',
        'cleanup.policy': 'delete',
        'unclean.leader.election.enable': 'false',
        'max.message.bytes': String(MAX_RECORD_BYTES),
        'min.insync.replicas': '1',
      })
    // One copy: nothing but the disk holds what was said to the network.
    for (const topic of ['sequenced', 'control'])
      expect(await settingsOf(`made.${topic}`)).toMatchObject({ 'flush.messages': '1' })
    expect(await settingsOf('made.sequenced')).toMatchObject({ 'segment.bytes': String(256 * 2 ** 20) })
    const { logger, lines } = keepingLogger()
    expect(await ensure('made.', { logger })).toEqual(made)
    expect(lines, 'nothing was made, nothing is wrong').toEqual([])
  })

  it('are made once, however many processes come at once', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => ensure('once.')))
    for (const one of all) expect(one).toEqual(all[0])
  })

  it('that exist are left as they are; what is missing beside them is made', async () => {
    await make({ topic: 'part.control', numPartitions: 1 })
    const { logger, lines } = keepingLogger()
    await ensure('part.', { logger })
    expect(lines.find(({ level }) => level === 'info')).toMatchObject({
      topics: ['part.raw', 'part.verified', 'part.sequenced'],
    })
    expect((await settingsOf('part.control'))['retention.ms']).not.toBe('-1')
  })

  it('with a wrong number of partitions are refused, with a way out', async () => {
    await ensure('wrong.', { partitions: 3 })
    const refused = ensure('wrong.', { partitions: 5 })
    await expect(refused).rejects.toThrow(TopicError)
    await expect(refused).rejects.toThrow(
      /wrong\.raw has 3 partitions, not 5: set RELAY_RAW_PARTITIONS=3; .*delete wrong\.raw and wrong\.verified/s,
    )
    await make({ topic: 'foreign.sequenced', numPartitions: 2 })
    await expect(ensure('foreign.')).rejects.toThrow(/not 1: .*RELAY_KAFKA_TOPIC_PREFIX/)
  })

  it('with settings that endanger events are reported, each with what it should be', async () => {
    const configEntries = [
      { name: 'retention.ms', value: '86400000' },
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'max.message.bytes', value: '1000000' },
      { name: 'retention.bytes', value: '-1' },
      { name: 'unclean.leader.election.enable', value: 'false' },
    ]
    const large = [{ name: 'max.message.bytes', value: String(2 * MAX_RECORD_BYTES) }]
    await make(
      { topic: 'bad.raw', numPartitions: 4, configEntries },
      { topic: 'bad.control', numPartitions: 1, configEntries: large },
    )
    const { logger, lines } = keepingLogger()
    await ensure('bad.', { logger })
    const errors = lines.filter(({ level }) => level === 'error')
    const logged = (topic: string) =>
      errors.filter((line) => line.topic === topic).map((line) => line.setting)
    expect(logged('bad.raw').toSorted()).toEqual(['cleanup.policy', 'max.message.bytes', 'retention.ms'])
    expect(logged('bad.control'), 'larger is no danger').toEqual(['retention.ms'])
    expect(errors.find((line) => line.topic === 'bad.raw' && line.setting === 'retention.ms')).toMatchObject({
      value: '86400000',
      wanted: '-1',
      msg: expect.stringContaining('events may be lost') as string,
    })
  })

  it('are waited for while Kafka is not there yet, and the wait can be given up', async () => {
    const door = new Door(kafka.brokers)
    const brokers = [await door.address()]
    const health = new ServerHealth('Kafka', silentLogger)
    const waiting = ensure('later.', {}, new KafkaCluster(brokers, health))
    await expect.poll(() => health.trouble, { timeout: 30_000 }).toContain('Kafka does not answer')
    const signal = AbortSignal.timeout(100)
    await expect(ensure('never.', { signal }, new KafkaCluster(brokers, health))).rejects.toThrow()
    await door.open()
    expect((await waiting).size).toBe(4)
    expect(health.trouble).toBeUndefined()
    expect(await admin.listTopics()).not.toContain('never.raw')
    door.close()
  })
})

/** A port behind which a broker is, once it is opened. */
class Door {
  readonly #server: Server
  #port = 0

  constructor(broker: string) {
    const [host = '', port = ''] = broker.split(':')
    this.#server = createServer((client) => {
      const server = connect(Number(port), host)
      client.on('error', () => undefined).on('close', () => server.destroy())
      server.on('error', () => undefined).on('close', () => client.destroy())
      client.pipe(server).pipe(client)
    })
  }

  async address(): Promise<string> {
    this.#port = await freePort()
    return `127.0.0.1:${this.#port}`
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
  }
}
