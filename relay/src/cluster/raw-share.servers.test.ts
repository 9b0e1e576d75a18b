import { KafkaConsumer } from '@bgs/cluster/bus/kafka-consumer.ts'
import { KafkaCluster, REQUEST_MS, TopicRemadeError } from '@bgs/cluster/kafka/cluster.ts'
import { produce } from '@bgs/cluster/kafka/produce.ts'
import { readConsumed } from '@bgs/cluster/leases/consumed.ts'
import { Membership } from '@bgs/cluster/leases/membership.ts'
import { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { topicGeneration } from '@bgs/cluster/leases/topic-generation.ts'
import { positionOf } from '@bgs/contract/bus/position.ts'
import { type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import { decodeRawRecord, encodeRawRecord } from '@bgs/contract/envelope/raw-record.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { leaseMetrics } from '@bgs/runtime/service/shared-metrics.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { losePower } from '@bgs/testkit/servers/lose-power.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClusterContext } from './context.ts'
import { RawShare } from './raw-share.ts'

const LEASE_MS = 800
const EVERY_MS = 50
const WAIT = { timeout: 30_000, interval: 20 }

let kafka: KafkaServers
let postgres: PostgresServer
let cluster: KafkaCluster
let database: PostgresDatabase
let topic = ''
let runs = 0
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  kafka = await startKafka()
  postgres = await startPostgres()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
})
beforeEach(async () => {
  const run = ++runs
  database = await PostgresDatabase.open(await postgres.createDatabase(`share${run}`))
  topic = `share${run}.raw`
  await ensureTestTopic(kafka.brokers, topic)
  await topicGeneration(database, 'raw', 'id')
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  await database.close()
})
afterAll(async () => {
  cluster.close()
  await kafka[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

/** One verifier's share of a topic with one partition: consumes what it gets until it is paused. */
class Verifier {
  readonly lost: number[] = []
  taken = 0
  readonly raw: KafkaConsumer<RawEnvelope>
  readonly #share: RawShare
  readonly #membership = new Membership(database, 'verifier', LEASE_MS)
  readonly running: Promise<void>
  #paused = false

  constructor(generation = 1, trimEveryMs = EVERY_MS) {
    const { signal, end } = ending()
    const context = {
      kafka: cluster,
      database,
      logger: silentLogger,
      supervisor: { signal },
      metrics: { leases: leaseMetrics(new Registry()) },
      topic: () => topic,
      generations: { raw: generation, verified: 1, control: 1 },
    } as unknown as ClusterContext
    this.raw = new KafkaConsumer<RawEnvelope>({
      cluster,
      topic,
      generation,
      decode: decodeRawRecord,
      weigh: rawBytes,
      maxBytes: 1e6,
      pauseMs: 0,
      onLost: (lost) => {
        this.lost.push(lost.partition)
        this.#share.lose(lost)
      },
    })
    this.#share = new RawShare({
      context,
      leases: new PartitionLeases(database, this.#membership, 'raw', 1),
      raw: this.raw,
      onGained: async () => undefined,
      onGivenUp: async () => undefined,
      everyMs: EVERY_MS,
      trimEveryMs,
    })
    const fetched = this.raw.run(signal)
    fetched.catch(() => undefined)
    this.running = this.#run(signal)
    this.running.catch(() => undefined)
    ends.push(async () => {
      end()
      await Promise.allSettled([fetched, this.running])
    })
  }

  get position(): number | undefined {
    return this.raw.positions().get(0)
  }

  pause(): void {
    this.#paused = true
  }

  wake(): void {
    this.#paused = false
  }

  /** Says done to what is there, as a zombie does with what it had in hand. */
  consume(): void {
    for (const entry of this.raw.poll(1_000)) {
      this.taken++
      this.raw.done(entry)
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    await this.#membership.renew()
    await this.#share.prepare()
    while (!signal.aborted) {
      if (!this.#paused) {
        await this.#membership.renew()
        this.consume()
        await this.#share.turn()
      }
      await wait(EVERY_MS, signal)
    }
  }
}

function ending() {
  const controller = new AbortController()
  return { signal: controller.signal, end: () => controller.abort() }
}

/** Appends so many records of one frame each. */
async function put(count: number): Promise<void> {
  const connections = cluster.connections()
  for (let i = 0; i < count; i++) {
    const envelope: RawEnvelope = {
      type: '#identity',
      did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      host: 'pds.example.com',
      epoch: 1,
      seq: i + 1,
      receivedMs: 0,
      lenient: false,
      frame: Buffer.from('frame'),
    }
    const value = encodeRawRecord([envelope])
    await produce(await connections.toLeader(topic, 0), topic, [{ partition: 0, value }], REQUEST_MS)
  }
  connections.close()
}

const floor = async () =>
  (await cluster.offsets(topic, [0], 'floor', AbortSignal.timeout(10_000))).get(0) as number
const saved = async () => (await readConsumed(database, 'raw', 1)).get(0)

describe('a verifier that was paused and wakes', () => {
  it('loses what another has read and trimmed, stays alive, and takes it up again when that one is gone', async () => {
    await put(3)
    const zombie = new Verifier()
    await expect.poll(() => zombie.position, WAIT).toBe(positionOf(3, 0))
    await expect.poll(saved, WAIT).toBe(positionOf(3, 0))
    zombie.pause()
    zombie.raw.unassign(0)
    const other = new Verifier()
    await expect.poll(() => other.position, WAIT).toBe(positionOf(3, 0))
    await put(4)
    await expect.poll(floor, WAIT).toBe(7)
    // As it was when it was stopped: about to fetch what is no longer there.
    zombie.raw.assign(0, positionOf(3, 0))
    await expect.poll(() => zombie.lost, WAIT).toEqual([0])
    other.pause()
    zombie.wake()
    await expect.poll(() => zombie.position, WAIT).toBe(positionOf(7, 0))
    await put(2)
    await expect.poll(saved, WAIT).toBe(positionOf(9, 0))
  })

  it('trims nothing that the one who has the partition now has not consumed', async () => {
    await put(1)
    const zombie = new Verifier()
    await expect.poll(saved, WAIT).toBe(positionOf(1, 0))
    zombie.pause()
    await wait(2 * LEASE_MS)
    // A new owner that has come no further; the zombie judges all it had in hand before it looks at its lease.
    const other = new Verifier()
    await expect.poll(() => other.position, WAIT).toBe(positionOf(1, 0))
    other.pause()
    await put(5)
    await expect
      .poll(() => {
        zombie.consume()
        return zombie.position
      }, WAIT)
      .toBe(positionOf(6, 0))
    zombie.wake()
    await wait(10 * EVERY_MS)
    expect(await floor()).toBeLessThanOrEqual(1)
  })
})

describe('the generation of raw', () => {
  it('is raised, and the process ends, where a partition has lost its end', async () => {
    await put(2)
    await database.transaction([
      {
        sql: 'INSERT INTO partitions (topic, number, generation, position, owner, fence) VALUES ($1, $2, $3, $4, NULL, 0)',
        rows: [['raw', 0, 1, positionOf(50, 0)]],
      },
    ])
    await expect(new Verifier().running).rejects.toThrow(TopicRemadeError)
    expect(await topicGeneration(database, 'raw', 'id')).toBe(2)
    // Under the new one it is read from its beginning; a process that knows only the old one must not have it.
    const after = new Verifier(2)
    await expect.poll(() => after.position, WAIT).toBe(positionOf(2, 0))
    await expect
      .poll(async () => (await readConsumed(database, 'raw', 2)).get(0), WAIT)
      .toBe(positionOf(2, 0))
    after.pause()
    await expect(new Verifier(1).running).rejects.toThrow(TopicRemadeError)
  })

  it('is raised where a partition has lost its end and has grown again beyond what was read of it', async () => {
    await put(10)
    const before = new Verifier(1, Number.POSITIVE_INFINITY)
    await expect.poll(saved, WAIT).toBe(positionOf(10, 0))
    before.pause()
    before.raw.unassign(0)
    await losePower(kafka, topic, 0, 6)
    await put(8)
    await wait(2 * LEASE_MS)
    await expect(new Verifier(1, Number.POSITIVE_INFINITY).running).rejects.toThrow(TopicRemadeError)
    expect(await topicGeneration(database, 'raw', 'id')).toBe(2)
    const after = new Verifier(2)
    await expect.poll(() => after.position, WAIT).toBe(positionOf(14, 0))
    expect(after.taken, 'from its beginning: repeats are dropped as taken').toBe(14)
  })

  it('is raised where that happens while a verifier reads it', async () => {
    await put(10)
    const verifier = new Verifier(1, Number.POSITIVE_INFINITY)
    await expect.poll(saved, WAIT).toBe(positionOf(10, 0))
    await losePower(kafka, topic, 0, 6)
    await put(8)
    await expect(verifier.running).rejects.toThrow(TopicRemadeError)
    expect(await topicGeneration(database, 'raw', 'id')).toBe(2)
  })

  it('stays where a broker was only killed, or restarted', async () => {
    await put(10)
    const verifier = new Verifier(1, Number.POSITIVE_INFINITY)
    await expect.poll(saved, WAIT).toBe(positionOf(10, 0))
    await kafka.nodes[0]?.kill()
    await kafka.nodes[0]?.start()
    await put(8)
    await expect.poll(saved, WAIT).toBe(positionOf(18, 0))
    verifier.pause()
    verifier.raw.unassign(0)
    await wait(2 * LEASE_MS)
    await kafka.nodes[0]?.stop()
    await kafka.nodes[0]?.start()
    await put(1)
    const next = new Verifier()
    await expect.poll(() => next.position, WAIT).toBe(positionOf(19, 0))
    expect(next.taken).toBe(1)
    expect(await topicGeneration(database, 'raw', 'id')).toBe(1)
  })
})
