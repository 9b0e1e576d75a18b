import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { FIRST_SEQ, LogFencedError } from '@bgs/contract/log/log.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { deleteTopic, ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { logSuite } from '@bgs/testkit/log/log-suite.ts'
import { entriesOf, entryOf, NOTHING_SEEN, readAll } from '@bgs/testkit/log-entries.ts'
import { copyWithoutEnd } from '@bgs/testkit/lost-end.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/produce.ts'
import { KafkaLog, type KafkaLogOptions } from './kafka-log.ts'
import { GAP_AFTER_CRASH } from './kafka-log-state.ts'
import { SequencedReader } from './sequenced-reader.ts'

const NO_POSITIONS = Buffer.alloc(0)
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

let topics = 0
let generation = 0
async function topic(): Promise<string> {
  const name = `log-${++topics}`
  await ensureTestTopic(kafka.brokers, name)
  return name
}

function open(name: string, options: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> {
  return KafkaLog.open({
    cluster,
    topic: name,
    generation: ++generation,
    seen: NOTHING_SEEN,
    onFound: async () => undefined,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 50,
    signal: AbortSignal.timeout(60_000),
    ...options,
  })
}

logSuite('Kafka', async () => {
  const name = await topic()
  let nowMs = Date.now()
  const clock = { now: () => nowMs }
  let log = await open(name, clock)
  return {
    get log() {
      return log
    },
    reopen: async () => {
      log = await open(name, clock)
      return log
    },
    age: () => {
      nowMs += 7_200_000
    },
    [Symbol.asyncDispose]: () => log.close(),
  }
})

/** Counts what is read of `sequenced` until it is disposed of. */
function countReads(): { count: number } & AsyncDisposable {
  const { read } = SequencedReader.prototype
  const counted = {
    count: 0,
    async [Symbol.asyncDispose]() {
      SequencedReader.prototype.read = read
    },
  }
  SequencedReader.prototype.read = function (...args) {
    counted.count++
    return read.apply(this, args)
  }
  return counted
}

describe('the log in Kafka', () => {
  const marks = async (log: KafkaLog, from = FIRST_SEQ) =>
    [...entriesOf(await readAll(log, from)).values()].map(({ facts }) => facts.readUInt32LE(0))

  it('gives back the input positions of the last append, and keeps them over openings', async () => {
    const name = await topic()
    const first = await open(name)
    expect(first.checkpoint).toBeNull()
    await first.append([entryOf(1)], Buffer.from('one'))
    await first.append([], Buffer.from('two'))
    expect((await open(name)).checkpoint?.toString()).toBe('two')
    expect((await open(name)).checkpoint?.toString()).toBe('two')
  })

  it('fences the writer before it: what that one still writes counts for nobody (invariant 9)', async () => {
    const name = await topic()
    const zombie = await open(name)
    await zombie.append([entryOf(1)], Buffer.from('a'))
    const leader = await open(name)
    await leader.append([entryOf(2)], Buffer.from('b'))
    await expect(zombie.append([entryOf(666)], Buffer.from('z'))).rejects.toThrow(LogFencedError)
    await expect(zombie.append([entryOf(667)], NO_POSITIONS)).rejects.toThrow('failed before')
    // The void record stands in the leader's way once: it looks again, as the next leader does.
    await expect(leader.append([entryOf(3)], NO_POSITIONS)).rejects.toMatchObject({ code: 'unknown' })
    const next = await open(name)
    expect(next.checkpoint?.toString()).toBe('b')
    await next.append([entryOf(4)], Buffer.from('d'))
    expect(await marks(next)).toEqual([1, 2, 4])
  })

  it('lets one of many writers that open at once be the last, and loses nothing of any', async () => {
    const name = await topic()
    const counted: number[] = []
    let mark = 0
    const writer = async () => {
      for (let i = 0; i < 6; i++) {
        try {
          const log = await open(name)
          for (let j = 0; j < 5; j++) {
            const mine = ++mark
            await log.append([entryOf(mine)], NO_POSITIONS)
            counted.push(mine)
          }
        } catch (error) {
          expect(['fenced', 'unknown']).toContain((error as { code: string }).code)
        }
      }
    }
    await Promise.all([writer(), writer(), writer()])
    const log = await open(name)
    const found = await marks(log)
    expect(new Set(found).size, 'nothing twice').toBe(found.length)
    expect(found.toSorted((a, b) => a - b)).toEqual(counted.toSorted((a, b) => a - b))
  })

  it('appends once where the answer is lost and the record is offered again', async () => {
    const name = await topic()
    await using proxy = await CuttingProxy.before(kafka.brokers)
    const through = new KafkaCluster([proxy.address], new ServerHealth('Kafka', silentLogger))
    proxy.redirect(through)
    const log = await open(name, { cluster: through })
    const appended: number[] = []
    for (let i = 1; i <= 12; i++) {
      if (i % 3 === 0) proxy.cutNextProduceAnswer()
      await log.append([entryOf(i)], Buffer.from(String(i))).then(
        () => appended.push(i),
        (error: { code: string }) => expect(error.code).toBe('unknown'),
      )
      if (appended.at(-1) !== i) break
    }
    expect(proxy.cuts).toBeGreaterThan(0)
    const after = await open(name)
    expect(await marks(after)).toEqual(appended)
    expect(after.checkpoint?.toString()).toBe(String(appended.at(-1)))
    through.close()
  })

  it('never numbers anew what the database has seen, whatever became of the topic (invariant 10)', async () => {
    const name = await topic()
    const first = await open(name)
    const { lastSeq } = await first.append([entryOf(1), entryOf(2)], NO_POSITIONS)
    await first.close()
    await deleteTopic(kafka.brokers, name)
    await ensureTestTopic(kafka.brokers, name)
    cluster.forget(name)
    const seen = { ...NOTHING_SEEN, logId: first.logId, position: lastSeq }
    const made: string[] = []
    const anew = await open(name, { seen, onFound: async ({ logId }) => void made.push(logId) })
    expect(anew.logId).not.toBe(first.logId)
    expect(made).toEqual([anew.logId])
    const { firstSeq } = await anew.append([entryOf(3)], NO_POSITIONS)
    expect(firstSeq).toBeGreaterThan(lastSeq + 2 ** 32)
    expect(anew.bounds(), 'cursors up to what was seen belong to what was before').toMatchObject({
      first: lastSeq + 1,
      evicted: true,
    })
    // The end of this one is lost, as far as the database can tell: it goes on higher still, and both parts are read.
    const lost = { ...NOTHING_SEEN, logId: anew.logId, position: firstSeq + 10_000_000 }
    const third = await open(name, { seen: lost })
    const last = await third.append([entryOf(4)], NO_POSITIONS)
    expect(last.firstSeq).toBeGreaterThan(lost.position + 2 ** 32)
    expect(await marks(third, third.bounds().first)).toEqual([3, 4])
    expect(await marks(await open(name, { seen: lost }), firstSeq + 1)).toEqual([4])
  })

  it('goes on without a gap behind a clean end, and behind nothing else', async () => {
    const name = await topic()
    const first = await open(name)
    await first.append([entryOf(1)], Buffer.from('one'))
    await first.end()
    await expect(first.append([entryOf(9)], NO_POSITIONS), 'it was the last').rejects.toThrow('failed before')
    const { next } = first.bounds()
    const second = await open(name)
    expect(second.checkpoint?.toString()).toBe('one')
    const { firstSeq } = await second.append([entryOf(2)], NO_POSITIONS)
    expect(firstSeq - next, 'one record: that of the opening').toBe(4_096)
    await second.close()
    const gaps: number[] = []
    const third = await open(name, { onFound: async ({ gap }) => void gaps.push(gap) })
    expect(gaps).toEqual([GAP_AFTER_CRASH])
    const after = await third.append([entryOf(3)], NO_POSITIONS)
    expect(after.firstSeq - firstSeq).toBeGreaterThanOrEqual(GAP_AFTER_CRASH)
    expect(await marks(third, next - 2 * 4_096), 'a cursor from before the gap').toEqual([1, 2, 3])
    expect(await marks(third, firstSeq + 1), 'and one in it').toEqual([3])
    expect(third.bounds()).toMatchObject({ first: FIRST_SEQ, evicted: false })
  })

  it('after a clean end of which a later writer has lost all leaves a gap', async () => {
    const name = await topic()
    const first = await open(name)
    await first.end()
    const { next } = first.bounds()
    // The database remembers that somebody began to write behind it.
    const lost = { ...NOTHING_SEEN, logId: first.logId, generation: ++generation, base: FIRST_SEQ + 2 ** 30 }
    const second = await open(name, { seen: lost })
    expect(second.bounds().next).toBeGreaterThanOrEqual(next + 2 ** 30 + GAP_AFTER_CRASH)
  })

  it('gives no seq again where Kafka has lost fewer records than the database lags behind', async () => {
    const name = await topic()
    const first = await open(name)
    const served: number[] = []
    for (let i = 0; i < 10; i++) served.push((await first.append([entryOf(i)], NO_POSITIONS)).firstSeq)
    await first.close()
    const rest = await topic()
    await copyWithoutEnd(cluster, name, rest, 2)
    const seen = {
      logId: first.logId,
      position: served[5] as number,
      generation: first.generation,
      base: FIRST_SEQ,
    }
    const second = await open(rest, { seen })
    const { firstSeq } = await second.append([entryOf(10)], NO_POSITIONS)
    expect(firstSeq).toBeGreaterThan(Math.max(...served))
    expect(await marks(second)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10])
    expect(await marks(second, Math.max(...served)), 'the cursor of one who was served what is lost').toEqual(
      [10],
    )
  })

  it('trims beside appends, and reads next to nothing for it once the window is full', async () => {
    const name = await topic()
    let nowMs = Date.now()
    const clock = { now: () => nowMs, retentionMs: 300_000 }
    const append = async (log: KafkaLog, count: number) => {
      for (let i = 0; i < count; i++) {
        nowMs += 1_000
        await log.append([entryOf(i)], NO_POSITIONS)
      }
    }
    const first = await open(name, clock)
    await append(first, 600)
    await first.end()
    // One that knows nothing of what was before finds the edge by bisection, once.
    const second = await open(name, clock)
    await using reads = countReads()
    const trimming = second.trim(second.bounds().next)
    await append(second, 1)
    await trimming
    const { first: floor } = second.bounds()
    expect(second.bounds().evicted).toBe(true)
    expect((floor - FIRST_SEQ) / 4_096).toBeGreaterThan(290)
    expect((floor - FIRST_SEQ) / 4_096).toBeLessThanOrEqual(302)
    expect(reads.count).toBeLessThanOrEqual(12)
    reads.count = 0
    for (let round = 0; round < 62; round++) {
      await append(second, 5)
      await second.trim(second.bounds().next)
    }
    expect(reads.count, 'each place that lies a grain from the next is read once').toBeLessThanOrEqual(256)
    reads.count = 0
    for (let round = 0; round < 20; round++) {
      await append(second, 5)
      await second.trim(second.bounds().next)
    }
    expect((second.bounds().first - floor) / 4_096).toBeGreaterThan(400)
    expect(reads.count, 'what it appended itself it remembers').toBe(0)
  })

  it('throws nothing away because a clock was set for a moment, nor keeps all for good when it is set back', async () => {
    const name = await topic()
    let wallMs = Date.now()
    let monoMs = 5_000
    const pass = (ms: number) => {
      wallMs += ms
      monoMs += ms
    }
    const log = await open(name, { retentionMs: 7_200_000, now: () => wallMs, mono: () => monoMs })
    const trim = async () => {
      await log.trim(log.bounds().next)
      return (log.bounds().first - FIRST_SEQ) / 4_096
    }
    for (let i = 0; i < 20; i++) {
      pass(60_000)
      await log.append([entryOf(i)], NO_POSITIONS)
    }
    wallMs += 4 * 86_400_000
    pass(8_000)
    await log.append([entryOf(20)], NO_POSITIONS)
    expect(await trim(), 'while it is ahead').toBe(0)
    wallMs -= 4 * 86_400_000
    pass(8_000)
    await log.append([entryOf(21)], NO_POSITIONS)
    expect(await trim(), 'when it is right again').toBe(0)
    wallMs -= 86_400_000
    for (let i = 0; i < 4; i++) {
      pass(1_900_000)
      await log.append([entryOf(22 + i)], NO_POSITIONS)
      await trim()
    }
    for (let i = 0; i < 60; i++) {
      pass(1_800_000)
      await log.append([entryOf(26 + i)], NO_POSITIONS)
    }
    expect(await trim(), 'set back for good').toBeGreaterThan(20)
  })

  it('refuses a log that belongs to another database', async () => {
    const name = await topic()
    await (await open(name)).append([entryOf(1)], NO_POSITIONS)
    const seen = { ...NOTHING_SEEN, logId: 'another', position: FIRST_SEQ }
    await expect(open(name, { seen, signal: AbortSignal.timeout(5_000) })).rejects.toThrow(
      'do not belong together',
    )
  })

  it('waits out a broker that is killed, and goes on where it was', async () => {
    const name = await topic()
    const log = await open(name)
    await log.append([entryOf(1)], NO_POSITIONS)
    const [node] = kafka.nodes
    await node?.kill()
    const waiting = log.append([entryOf(2)], NO_POSITIONS)
    await node?.start()
    await waiting
    await log.append([entryOf(3)], NO_POSITIONS)
    expect(await marks(log)).toEqual([1, 2, 3])
  })

  it('does not take what somebody else writes into its topic for its own', async () => {
    const name = await topic()
    const log = await open(name)
    await log.append([entryOf(1)], NO_POSITIONS)
    const connections = cluster.connections()
    await produce(
      await connections.toLeader(name, 0),
      name,
      [{ partition: 0, value: Buffer.from('hello') }],
      5_000,
    )
    connections.close()
    await expect(open(name, { signal: AbortSignal.timeout(5_000) })).rejects.toThrow('not known here')
  })
})

/** Stands before a broker and may swallow an answer, after the broker has done what was asked. */
class CuttingProxy implements AsyncDisposable {
  cuts = 0
  #cut = false
  readonly #server: Server
  readonly #target: { host: string; port: number }

  private constructor(target: { host: string; port: number }) {
    this.#target = target
    this.#server = createServer((client) => {
      const broker = connect(target)
      client.on('error', () => broker.destroy())
      broker.on('error', () => client.destroy())
      client.on('close', () => broker.destroy())
      broker.on('close', () => client.destroy())
      let produces = false
      client.on('data', (bytes) => {
        // Size, then the key of the API: 0 is produce.
        produces = bytes.length > 6 && bytes.readInt16BE(4) === 0
        broker.write(bytes)
      })
      broker.on('data', (bytes) => {
        if (!this.#cut || !produces) return client.write(bytes)
        this.#cut = false
        this.cuts++
        client.destroy()
        return false
      })
    })
  }

  static async before(broker: string): Promise<CuttingProxy> {
    const [host = '', port = ''] = broker.split(':')
    const proxy = new CuttingProxy({ host, port: Number(port) })
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** The broker tells its own address: the cluster is made to come here instead. */
  redirect(cluster: KafkaCluster): void {
    const port = (this.#server.address() as { port: number }).port
    const ask = cluster.address.bind(cluster)
    cluster.address = (node) => {
      const found = ask(node)
      return found?.port === this.#target.port ? { ...found, port } : found
    }
  }

  cutNextProduceAnswer(): void {
    this.#cut = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}
