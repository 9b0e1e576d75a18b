import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { KafkaLog, type KafkaLogOptions } from '@bgs/cluster/log/kafka-log.ts'
import { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { FIRST_SEQ, type LogReader } from '@bgs/contract/log/log.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { fanoutMetrics } from '@bgs/fanout/metrics.ts'
import { startOf } from '@bgs/fanout/subscribe/cursor.ts'
import { Subscriptions } from '@bgs/fanout/subscribe/subscriptions.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { Client, did, entry } from '@bgs/fanout/testing/scene.ts'
import { Window } from '@bgs/fanout/window.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { deleteTopic, ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { NOTHING_SEEN, readAll } from '@bgs/testkit/log-entries.ts'
import { keepingLogger } from '@bgs/testkit/log-lines.ts'
import { copyWithoutEnd } from '@bgs/testkit/lost-end.ts'
import { PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Mirror, MirrorDiffersError } from './mirror.ts'
import type { MirrorOptions } from './mirror-options.ts'

const NO_POSITIONS = Buffer.alloc(0)
const WAIT = { timeout: 20_000, interval: 10 }
const HOUR_MS = 3_600_000

let kafka: KafkaServers
let cluster: KafkaCluster
let topic: string
let topics = 0
let generation = 0
let folder: string
const atEnd: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
})
afterAll(async () => {
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})
beforeEach(async () => {
  topic = `mirror-${++topics}`
  await ensureTestTopic(kafka.brokers, topic)
  folder = await mkdtemp(join(tmpdir(), 'mirror-'))
})
afterEach(async () => {
  for (const end of atEnd.splice(0).toReversed()) await end()
  await rm(folder, { recursive: true })
})

async function openLog(options: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> {
  const log = await KafkaLog.open({
    cluster,
    topic,
    generation: ++generation,
    seen: NOTHING_SEEN,
    onFound: async () => undefined,
    retentionMs: HOUR_MS,
    retentionBytes: 2 ** 50,
    signal: AbortSignal.timeout(60_000),
    ...options,
  })
  atEnd.push(() => log.close())
  return log
}

/** A reader that notes from where it was read. */
class NotingReader extends SequencedReader {
  readonly from: number[] = []

  override read(...args: Parameters<SequencedReader['read']>): ReturnType<SequencedReader['read']> {
    this.from.push(args[0])
    return super.read(...args)
  }
}

/** A reader that gives so many answers, and then none until it may go on. */
class GatedReader extends SequencedReader {
  left = Number.POSITIVE_INFINITY
  #open = Promise.withResolvers<void>()

  allow(reads: number): void {
    this.left = reads
    this.#open.resolve()
    this.#open = Promise.withResolvers<void>()
  }

  override async read(...args: Parameters<SequencedReader['read']>): ReturnType<SequencedReader['read']> {
    const signal = args[3]
    while (this.left <= 0 && !signal.aborted)
      await Promise.race([
        this.#open.promise,
        new Promise((resolve) => signal.addEventListener('abort', resolve)),
      ])
    this.left--
    return super.read(...args)
  }
}

/** A reader that finds another topic in the place of its own from some moment on. */
class TurningReader extends SequencedReader {
  #other: SequencedReader | undefined

  turnTo(other: SequencedReader): void {
    this.#other = other
  }

  override read(...args: Parameters<SequencedReader['read']>): ReturnType<SequencedReader['read']> {
    return this.#other?.read(...args) ?? super.read(...args)
  }

  override bounds(signal: AbortSignal): ReturnType<SequencedReader['bounds']> {
    return this.#other?.bounds(signal) ?? super.bounds(signal)
  }

  override close(): void {
    this.#other?.close()
    super.close()
  }
}

const segmentsOf = (options: Partial<MirrorOptions['segments']> = {}) => ({
  folder: join(folder, 'mirror'),
  disk: nodeDisk,
  retentionMs: HOUR_MS,
  retentionBytes: 2 ** 40,
  segmentBytes: 4_096,
  ...options,
})

/** A mirror that follows the log when it is told to. */
async function openMirror(options: Partial<MirrorOptions> = {}) {
  await mkdir(join(folder, 'mirror'), { recursive: true })
  const reader = new NotingReader(cluster, topic)
  const fillReader = new GatedReader(cluster, topic)
  const stop = new AbortController()
  const mirror = await Mirror.open({
    reader,
    fillReader,
    from: 0,
    segments: segmentsOf(),
    logger: silentLogger,
    signal: stop.signal,
    ...options,
  })
  const opened = reader.from.splice(0)
  let running: Promise<void> = Promise.resolve()
  const run = () => mirror.run(stop.signal)
  const follow = () => {
    running = run()
  }
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    stop.abort()
    await running
    await mirror.close()
  }
  atEnd.push(close)
  return { mirror, reader, fillReader, opened, follow, run, close }
}

/** Appends so many batches, of one to five entries each. */
async function fill(log: KafkaLog, batches: number, from = 0): Promise<void> {
  for (let n = from; n < from + batches; n++) {
    const entries = Array.from({ length: 1 + (n % 5) }, (_, i) => entry(n + i, { bytes: 40 + n }))
    await log.append([...entries, ...(n % 4 === 0 ? [entry(n, { kind: 'quiet' })] : [])], NO_POSITIONS)
  }
}

/** Every batch from the beginning: seq and bytes. */
const contents = async (log: LogReader, from = log.bounds().first) =>
  (await readAll(log, from)).map(({ firstSeq, bytes }) => [firstSeq, bytes.toString('hex')] as const)

async function newestSegment(): Promise<string> {
  const names = (await readdir(join(folder, 'mirror'))).toSorted()
  return join(folder, 'mirror', names.at(-1) as string)
}

const untilLevel = (mirror: Mirror, log: KafkaLog) =>
  expect.poll(() => mirror.bounds().next, WAIT).toBeGreaterThanOrEqual(lastOf(log))
/** Seq behind the last entry: the log's own `next` is the first of its next record. */
const lastOf = (log: KafkaLog) => lasts.get(log) ?? 0
const lasts = new WeakMap<KafkaLog, number>()
function track(log: KafkaLog): KafkaLog {
  log.tail((batch) => {
    if (batch.count > 0) lasts.set(log, batch.lastSeq + 1)
  })
  return log
}

describe('a mirror of the log', () => {
  it('gives the same bytes under the same seqs, of what was and of what comes', async () => {
    const log = track(await openLog())
    await fill(log, 30)
    const { mirror, follow } = await openMirror()
    expect(mirror.notReady).toContain('is being filled')
    expect(mirror.lag).toBeGreaterThan(0)
    follow()
    await untilLevel(mirror, log)
    expect(mirror.notReady).toBeUndefined()
    const tailed: number[] = []
    mirror.tail((batch) => tailed.push(batch.firstSeq))
    await fill(log, 30, 30)
    await untilLevel(mirror, log)
    const all = await contents(log)
    expect(await contents(mirror)).toEqual(all)
    expect(tailed).toEqual(all.slice(-30).map(([seq]) => seq))
    await expect.poll(() => mirror.lag, WAIT).toBe(0)
    const middle = (all[40]?.[0] ?? 0) + 2
    expect(await contents(mirror, middle)).toEqual(await contents(log, middle))
  })

  it('kept over a restart goes on where it was, and fetches nothing twice', async () => {
    const log = track(await openLog())
    await fill(log, 20)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    await fill(log, 20, 20)
    const second = await openMirror()
    expect(second.mirror.lag).toBe(20)
    second.follow()
    await untilLevel(second.mirror, log)
    // The writer's bare head stands at offset 0.
    expect(Math.min(...second.reader.from)).toBe(21)
    expect(await contents(second.mirror)).toEqual(await contents(log))
    await second.close()
    const third = await openMirror()
    expect(third.mirror.notReady, 'all is there at once').toBeUndefined()
    expect(await contents(third.mirror)).toEqual(await contents(log))
  })

  it('that is of another log is begun anew, however alike the two are', async () => {
    const before = track(await openLog())
    await fill(before, 12)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, before)
    const old = await contents(first.mirror)
    await first.close()
    await before.close()
    await deleteTopic(kafka.brokers, topic)
    await ensureTestTopic(kafka.brokers, topic)
    cluster.forget(topic)
    const log = track(await openLog())
    for (let n = 0; n < 20; n++)
      await log.append(new Array(1 + (n % 5) + (n % 4 === 0 ? 1 : 0)).fill(entry(n)))
    const { logger, lines } = keepingLogger()
    const second = await openMirror({ logger })
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('fetched anew') as string }])
    second.follow()
    await untilLevel(second.mirror, log)
    const now = await contents(second.mirror)
    expect(now).toEqual(await contents(log))
    expect(now[0]?.[0], 'the same seqs').toBe(old[0]?.[0])
  })

  it('with a hole before what the log still holds is begun anew', async () => {
    let nowMs = Date.now()
    const log = track(await openLog({ now: () => nowMs }))
    await fill(log, 10)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    await fill(log, 10, 10)
    nowMs += 2 * HOUR_MS
    await fill(log, 5, 20)
    await log.trim(log.bounds().next - 1)
    const second = await openMirror()
    second.follow()
    await untilLevel(second.mirror, log)
    expect(await contents(second.mirror)).toEqual(await contents(log))
    expect((await contents(second.mirror)).length).toBe(5)
  })

  it('of which a crash tore the tail goes on behind what is whole', async () => {
    const log = track(await openLog())
    await fill(log, 12)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    const path = await newestSegment()
    await truncate(path, (await stat(path)).size - 5)
    // A segment that was begun, and nothing written.
    await writeFile(join(folder, 'mirror', `${String(lastOf(log) + 3_000).padStart(16, '0')}.seg`), '')
    const { logger, lines } = keepingLogger()
    const second = await openMirror({ logger })
    expect(lines).toEqual([])
    second.follow()
    await untilLevel(second.mirror, log)
    expect(Math.min(...second.reader.from)).toBe(12)
    expect(await contents(second.mirror)).toEqual(await contents(log))
  })

  it('that a lost power damaged in its midst is begun anew: nothing of its newest part was synced', async () => {
    const log = track(await openLog())
    await fill(log, 12)
    const segments = segmentsOf({ segmentBytes: 2 ** 20 })
    const first = await openMirror({ segments })
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    const path = await newestSegment()
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0, 600, 700))
    const { logger, lines } = keepingLogger()
    const second = await openMirror({ segments, logger })
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('fetched anew') as string }])
    second.follow()
    await untilLevel(second.mirror, log)
    expect(await contents(second.mirror)).toEqual(await contents(log))
  })

  it('waits for space where its disk is full, and leaves nothing out', async () => {
    const log = track(await openLog())
    const disk = new PowerLossDisk()
    disk.capacity = 2_000
    const { logger, lines } = keepingLogger()
    const { mirror, follow } = await openMirror({ segments: segmentsOf({ disk }), logger })
    follow()
    await fill(log, 20)
    await expect.poll(() => lines.map(({ level }) => level), WAIT).toContain('error')
    expect(mirror.bounds().next).toBeLessThan(lastOf(log))
    disk.capacity = Number.POSITIVE_INFINITY
    await untilLevel(mirror, log)
    expect(await contents(mirror)).toEqual(await contents(log))
  })
})

describe('a mirror that has nothing yet', () => {
  const untilFilled = (mirror: Mirror) => expect.poll(() => mirror.bounds().filling, WAIT).toBeUndefined()
  /** A log of 400 batches, and the seq of one near its end. */
  async function longLog() {
    const log = track(await openLog())
    await fill(log, 400)
    const all = await contents(log)
    return { log, all, from: all[390]?.[0] as number }
  }

  it('serves what is new at once, and is filled backwards without a hole', async () => {
    const { log, all, from } = await longLog()
    const { mirror, fillReader, follow } = await openMirror({ from })
    fillReader.allow(0)
    follow()
    await untilLevel(mirror, log)
    expect(mirror.notReady).toBeUndefined()
    expect(mirror.bounds()).toMatchObject({ first: from, filling: true })
    expect(await contents(mirror)).toEqual(all.slice(390))
    expect(mirror.missing).toBe(391)
    // What comes meanwhile comes above.
    await fill(log, 5, 400)
    await untilLevel(mirror, log)
    const whole = await contents(log)
    for (let reads = 0; mirror.bounds().filling; reads++) {
      expect(reads).toBeLessThan(1_000)
      const now = await contents(mirror)
      expect(now).toEqual(whole.slice(-now.length))
      const { missing } = mirror
      fillReader.allow(1)
      await expect
        .poll(() => mirror.missing < missing || fillReader.left <= 0 || mirror.missing === 0, WAIT)
        .toBe(true)
    }
    expect(mirror.missing).toBe(0)
    expect(await contents(mirror)).toEqual(whole)
    expect(mirror.bounds()).toEqual({ first: FIRST_SEQ, next: lastOf(log), evicted: false })
    expect((await readdir(join(folder, 'mirror'))).filter((name) => !name.endsWith('.seg'))).toEqual([])
  })

  it('and is interrupted goes on where it was', async () => {
    const { log, from } = await longLog()
    const segments = segmentsOf({ segmentBytes: 2 ** 17 })
    const first = await openMirror({ from, segments })
    first.fillReader.allow(2)
    first.follow()
    await untilLevel(first.mirror, log)
    await expect.poll(() => first.fillReader.left, WAIT).toBe(0)
    await first.close()
    const second = await openMirror({ from, segments })
    const { missing } = second.mirror
    expect([missing > 0, missing < 391]).toEqual([true, true])
    expect(second.mirror.notReady).toBeUndefined()
    const half = await contents(second.mirror)
    expect(half).toEqual((await contents(log)).slice(-half.length))
    second.follow()
    await untilFilled(second.mirror)
    expect(await contents(second.mirror)).toEqual(await contents(log))
    await second.close()
    const third = await openMirror({ from, segments })
    expect(third.mirror.bounds(), 'all is there').toEqual({
      first: FIRST_SEQ,
      next: lastOf(log),
      evicted: false,
    })
  })

  it('takes no more than there is room for', async () => {
    const { log, from } = await longLog()
    const { mirror, follow } = await openMirror({ from, segments: segmentsOf({ retentionBytes: 60_000 }) })
    follow()
    await Promise.all([untilLevel(mirror, log), untilFilled(mirror)])
    const kept = await contents(mirror)
    expect(kept).toEqual((await contents(log)).slice(-kept.length))
    expect(kept.length).toBeGreaterThan(20)
    const bytes = mirror.files.segments.reduce((sum, { end }) => sum + end, 0)
    expect(bytes).toBeLessThanOrEqual(60_000)
    expect(mirror.bounds()).toMatchObject({ first: kept[0]?.[0], evicted: true })
  })

  it('waits for space, and leaves nothing out', async () => {
    const { log, from } = await longLog()
    const disk = new PowerLossDisk()
    disk.capacity = 10_000
    const { mirror, follow } = await openMirror({ from, segments: segmentsOf({ disk }) })
    follow()
    await expect.poll(() => mirror.fullTimes, WAIT).toBeGreaterThan(0)
    expect(mirror.bounds().filling).toBe(true)
    disk.capacity = Number.POSITIVE_INFINITY
    // What is new and what is older waits for space apart, and either may be done first.
    await Promise.all([untilLevel(mirror, log), untilFilled(mirror)])
    expect(await contents(mirror)).toEqual(await contents(log))
  })

  it('and whose log is made anew fetches nothing below that is of the other one', async () => {
    const { log, from } = await longLog()
    const { mirror, fillReader, follow } = await openMirror({ from })
    fillReader.allow(0)
    follow()
    await untilLevel(mirror, log)
    const kept = await contents(mirror)
    await log.close()
    await deleteTopic(kafka.brokers, topic)
    await ensureTestTopic(kafka.brokers, topic)
    cluster.forget(topic)
    const second = track(
      await openLog({ seen: { ...NOTHING_SEEN, logId: log.logId, position: lastOf(log) - 1 } }),
    )
    await fill(second, 3)
    await untilLevel(mirror, second)
    fillReader.allow(1_000)
    await untilFilled(mirror)
    expect(mirror.bounds()).toMatchObject({ first: from, evicted: true })
    expect(await contents(mirror)).toEqual([...kept, ...(await contents(second))])
  })

  it('that was away for long begins at the new end, too', async () => {
    const log = track(await openLog())
    await fill(log, 10)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    const batches = Array.from({ length: 4_200 }, () => [entry(1)])
    for (const entries of batches) await log.append(entries, NO_POSITIONS)
    const second = await openMirror({ from: lastOf(log) })
    second.follow()
    await untilLevel(second.mirror, log)
    expect(second.mirror.notReady).toBeUndefined()
    await untilFilled(second.mirror)
    expect((await contents(second.mirror)).length).toBe(4_210)
  })
})

describe('where a mirror begins and ends', () => {
  it('before there is a log it is not ready; a log of which nothing is gone evicts no cursor (Q4)', async () => {
    const { mirror, follow } = await openMirror()
    expect(mirror.notReady).toBe('no sequencer has begun the log yet')
    follow()
    const log = track(await openLog())
    await expect.poll(() => mirror.notReady, WAIT).toBeUndefined()
    expect(mirror.bounds()).toMatchObject({ first: FIRST_SEQ, evicted: false })
    await fill(log, 10)
    await untilLevel(mirror, log)
    expect(mirror.bounds()).toEqual({ first: FIRST_SEQ, next: lastOf(log), evicted: false })
    expect(startOf('5', mirror.bounds())).toEqual({ kind: 'from', seq: FIRST_SEQ, how: 'cursor' })
    expect(await contents(mirror, FIRST_SEQ)).toEqual(await contents(log))
  })

  it('what was trimmed is evicted, for one that has it still and for one that never had it', async () => {
    let nowMs = Date.now()
    const log = track(await openLog({ now: () => nowMs }))
    const old = await openMirror()
    old.follow()
    await fill(log, 10)
    nowMs += 2 * HOUR_MS
    await fill(log, 10, 10)
    await untilLevel(old.mirror, log)
    await log.trim(log.bounds().next - 1)
    await expect.poll(() => old.mirror.bounds().evicted, WAIT).toBe(true)
    const { first } = log.bounds()
    expect(old.mirror.bounds().first, 'it serves what it has').toBeLessThan(first)
    await old.close()
    await rm(join(folder, 'mirror'), { recursive: true })
    const young = await openMirror()
    expect(young.mirror.bounds()).toMatchObject({ first, evicted: true })
    young.follow()
    await untilLevel(young.mirror, log)
    expect(young.mirror.bounds()).toMatchObject({ first, evicted: true })
    expect(startOf(String(first - 1), young.mirror.bounds())).toMatchObject({ how: 'cursor' })
    expect(startOf(String(first - 2), young.mirror.bounds())).toMatchObject({ how: 'outdated', seq: first })
  })

  it('a log begun behind another one serves who had all of that from its beginning, and tells others of the gap', async () => {
    const seen = { ...NOTHING_SEEN, logId: '', position: FIRST_SEQ + 700 }
    const log = track(await openLog({ seen }))
    const { mirror, follow } = await openMirror()
    const starts = () =>
      ['700', '699', '0'].map((back) => {
        const cursor = back === '0' ? '0' : String(FIRST_SEQ + Number(back))
        const start = startOf(cursor, mirror.bounds())
        return start.kind === 'from' ? [start.how, start.seq] : [start.kind]
      })
    const expected = [
      ['cursor', seen.position + 1],
      ['outdated', seen.position + 1],
      ['window', seen.position + 1],
    ]
    follow()
    await expect.poll(() => mirror.lag, WAIT).toBe(0)
    expect(starts(), 'empty').toEqual(expected)
    await fill(log, 5)
    await untilLevel(mirror, log)
    expect(starts()).toEqual(expected)
    expect(await contents(mirror, seen.position + 1)).toEqual(await contents(log))
    expect((await contents(mirror))[0]?.[0]).toBeGreaterThan(seen.position + 2 ** 32)
    expect(startOf(String(lastOf(log)), mirror.bounds()).kind).toBe('future')
  })

  it('its head is that of the log, however far it lags behind', async () => {
    const log = track(await openLog())
    await fill(log, 10)
    const { mirror, follow } = await openMirror()
    expect(mirror.bounds().next).toBe(FIRST_SEQ)
    expect(await mirror.head()).toBe(log.bounds().next)
    follow()
    await untilLevel(mirror, log)
    expect(await mirror.head()).toBe(log.bounds().next)
  })

  it('its head goes by the newest numbering, also before it has come to that', async () => {
    const first = track(await openLog())
    await fill(first, 6)
    const { mirror, follow, close } = await openMirror()
    follow()
    await untilLevel(mirror, first)
    await close()
    await first.close()
    const kept = await openMirror()
    // It has looked at the log, and reads no further for now.
    const second = track(await openLog())
    await fill(second, 3, 6)
    expect(kept.mirror.bounds().next).toBeLessThan(second.bounds().first + 2 ** 28)
    const heads = await Promise.all([kept.mirror.head(), kept.mirror.head(), kept.mirror.head()])
    expect(heads).toEqual(new Array(3).fill(second.bounds().next))
  })
})

describe('what becomes of the log', () => {
  it('what a writer wrote that was no longer the one is nowhere to be seen (invariant 9)', async () => {
    const zombie = await openLog()
    await zombie.append([entry(1)], NO_POSITIONS)
    const { mirror, follow } = await openMirror()
    follow()
    const leader = await openLog()
    await leader.append([entry(2)], NO_POSITIONS)
    await expect(zombie.append([entry(666)], NO_POSITIONS)).rejects.toMatchObject({ code: 'fenced' })
    const next = track(await openLog())
    await next.append([entry(3), entry(4)], NO_POSITIONS)
    await untilLevel(mirror, next)
    expect(await contents(mirror)).toEqual(await contents(next))
    expect((await contents(mirror)).length).toBe(3)
  })

  it('where it has lost its end it goes on above, without a hole', async () => {
    const first = track(await openLog())
    const { mirror, follow, close } = await openMirror()
    follow()
    await fill(first, 6)
    await untilLevel(mirror, first)
    const seen = { ...NOTHING_SEEN, logId: first.logId, position: lastOf(first) + 10_000_000 }
    const second = track(await openLog({ seen }))
    await fill(second, 6, 6)
    await untilLevel(mirror, second)
    const all = await contents(second)
    expect(all.length).toBe(12)
    expect(all[6]?.[0]).toBeGreaterThan(seen.position + 2 ** 32)
    expect(await contents(mirror)).toEqual(all)
    await close()
    const again = await openMirror()
    again.follow()
    await fill(second, 2, 12)
    await untilLevel(again.mirror, second)
    expect(await contents(again.mirror)).toEqual(await contents(second))
  })

  it('that was away while the numbering began anew reads what is left of the former one, and on', async () => {
    const first = track(await openLog())
    await fill(first, 6)
    await first.close()
    const second = track(await openLog())
    await fill(second, 6, 6)
    const { mirror, follow, close } = await openMirror()
    follow()
    await untilLevel(mirror, second)
    await close()
    // Unread under the base that it is in, and then a newer one.
    await fill(second, 6, 12)
    await second.close()
    const third = track(await openLog())
    await fill(third, 6, 18)
    const again = await openMirror()
    again.follow()
    await untilLevel(again.mirror, third)
    const all = await contents(third)
    expect(all.length).toBe(24)
    expect(await contents(again.mirror)).toEqual(all)
  })

  it('that has what Kafka has lost says so, and drops it when it starts again', async () => {
    const first = track(await openLog())
    const reader = new TurningReader(cluster, topic)
    const kept = keepingLogger()
    const { mirror, run } = await openMirror({ reader, logger: kept.logger })
    const running = run()
    await fill(first, 8)
    await untilLevel(mirror, first)
    const all = await contents(first)
    await first.close()
    // The broker comes back without the last three records; the database has the first four.
    const rest = `${topic}-rest`
    await ensureTestTopic(kafka.brokers, rest)
    await copyWithoutEnd(cluster, topic, rest, 3)
    topic = rest
    const { logId, generation: former } = first
    const seen = { logId, position: all[3]?.[0] as number, generation: former, base: FIRST_SEQ }
    const second = track(await openLog({ seen }))
    await fill(second, 4, 20)
    reader.turnTo(new SequencedReader(cluster, rest))
    await expect(running).rejects.toThrow(MirrorDiffersError)
    await mirror.close()
    const again = await openMirror({ logger: kept.logger })
    expect(again.mirror.dropped).toBeGreaterThan(0)
    expect(kept.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: expect.stringContaining('lost') as string },
    ])
    expect(await contents(again.mirror), 'it kept what the log has').toEqual(all.slice(0, -3))
    again.follow()
    await untilLevel(again.mirror, second)
    expect(await contents(again.mirror)).toEqual(await contents(second))
  })

  it('drops what Kafka has lost also where no sequencer has gone on yet', async () => {
    const first = track(await openLog())
    const one = await openMirror()
    one.follow()
    await fill(first, 8)
    await untilLevel(one.mirror, first)
    const all = await contents(first)
    await one.close()
    await first.close()
    const rest = `${topic}-rest`
    await ensureTestTopic(kafka.brokers, rest)
    await copyWithoutEnd(cluster, topic, rest, 3)
    topic = rest
    const { mirror } = await openMirror()
    expect(mirror.dropped).toBeGreaterThan(0)
    expect(await contents(mirror)).toEqual(all.slice(0, -3))
  })

  it('where its topic was made anew it is followed from there, above all that was', async () => {
    const first = track(await openLog())
    const { mirror, follow } = await openMirror()
    follow()
    await fill(first, 12)
    await untilLevel(mirror, first)
    const old = await contents(mirror)
    await first.close()
    await deleteTopic(kafka.brokers, topic)
    await ensureTestTopic(kafka.brokers, topic)
    cluster.forget(topic)
    const second = track(
      await openLog({ seen: { ...NOTHING_SEEN, logId: first.logId, position: lastOf(first) - 1 } }),
    )
    await fill(second, 3)
    await untilLevel(mirror, second)
    const { first: oldest } = mirror.bounds()
    expect(oldest, 'what it has it serves').toBe(FIRST_SEQ)
    expect(await contents(mirror, oldest)).toEqual([...old, ...(await contents(second))])
  })
})

describe('subscriptions over a mirror', () => {
  async function serve(mirror: Mirror, takedowns = new Takedowns()) {
    const subscriptions = new Subscriptions({
      log: mirror,
      window: new Window(1 << 20),
      takedowns,
      metrics: fanoutMetrics(new Registry()),
      notReady: () => mirror.notReady,
      deflate: false,
    })
    const server = createServer()
    server.on('upgrade', (request, socket, head) => {
      const cursor = new URL(request.url ?? '/', 'http://x').searchParams.get('cursor')
      subscriptions.upgrade(request, socket as Socket, head, cursor, '127.0.0.1')
    })
    server.listen(0, '127.0.0.1')
    await until('the listener', () => server.listening)
    const clients: Client[] = []
    atEnd.push(async () => {
      for (const { ws } of clients) ws.terminate()
      await subscriptions.close()
      server.close()
      server.closeAllConnections()
    })
    return (cursor: number) => {
      const client = new Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/?cursor=${cursor}`)
      clients.push(client)
      return client
    }
  }
  const seqsOf = async (log: KafkaLog, after: number) => {
    const seqs: number[] = []
    for (const batch of await readAll(log, log.bounds().first))
      for (let i = 0; i < batch.count; i++)
        if (batch.kind(i) !== 'quiet' && batch.firstSeq + i > after) seqs.push(batch.firstSeq + i)
    return seqs
  }

  it('a cursor from another node, above what is here, waits and then gets exactly what follows it', async () => {
    const log = track(await openLog())
    await fill(log, 5)
    const first = await openMirror()
    first.follow()
    await untilLevel(first.mirror, log)
    await first.close()
    // Level when it was opened, so that it is ready; then it lags behind.
    const { mirror, follow } = await openMirror()
    await fill(log, 10, 5)
    const connect = await serve(mirror)
    const all = await seqsOf(log, 0)
    const [middle = 0, newest = 0] = [all.at(-9), all.at(-1)]
    expect(mirror.bounds().next).toBeLessThan(middle)
    const [waiting, level, future] = [connect(middle), connect(newest), connect(log.bounds().next)]
    await Promise.all([waiting.opened(), level.opened()])
    await until('the refusal', () => future.closed !== undefined)
    expect(future.frames).toMatchObject([{ op: -1, body: { error: 'FutureCursor' } }])
    expect(waiting.frames).toEqual([])
    follow()
    await waiting.has(8)
    await fill(log, 3, 15)
    const after = await seqsOf(log, middle)
    await waiting.has(after.length)
    await level.has(after.length - 8)
    expect(waiting.seqs).toEqual(after)
    expect(level.seqs).toEqual(await seqsOf(log, newest))
  })

  it('while it is filled new events are served, and only cursors below what is here are put off', async () => {
    const log = track(await openLog())
    await fill(log, 100)
    const all = await seqsOf(log, 0)
    const from = (await contents(log))[90]?.[0] as number
    const { mirror, fillReader, follow } = await openMirror({ from })
    fillReader.allow(0)
    follow()
    await untilLevel(mirror, log)
    const hidden = did(7)
    const connect = await serve(mirror, new Takedowns(0, [hidden]))
    const early = [0, FIRST_SEQ, from - 2].map(connect)
    for (const client of early) await until('the answer', () => client.refused !== undefined)
    expect(early.map(({ refused }) => [refused?.status, refused?.retryAfter])).toEqual(
      new Array(3).fill([503, '10']),
    )
    const quick = connect(from - 1)
    await quick.opened()
    await fill(log, 3, 100)
    const wanted = await seqsOf(log, from - 1)
    await quick.has(wanted.length)
    fillReader.allow(Number.POSITIVE_INFINITY)
    await expect.poll(() => mirror.bounds().filling, WAIT).toBeUndefined()
    const late = connect(0)
    const dids = () => late.frames.map(({ body }) => body['did'] ?? body['repo'])
    await until(
      'the newest',
      () => late.seqs.at(-1) === lastOf(log) - 1 || late.seqs.at(-1) === wanted.at(-1),
    )
    expect(late.frames.filter(({ op }) => op !== 1)).toEqual([])
    expect(dids()).not.toContain(hidden)
    expect(late.seqs.length).toBeGreaterThan(all.length / 2)
    expect(late.seqs).toEqual((await seqsOf(log, 0)).filter((seq) => late.seqs.includes(seq)))
  })

  it('nobody is let in before the window is there', async () => {
    const log = await openLog()
    await fill(log, 5)
    const { mirror, follow } = await openMirror()
    const connect = await serve(mirror)
    const early = connect(0)
    await until('the answer', () => early.refused !== undefined)
    expect(early.refused).toMatchObject({ status: 503, body: expect.stringContaining('filled') as string })
    follow()
    await expect.poll(() => mirror.notReady, WAIT).toBeUndefined()
    const late = connect(0)
    const all = await seqsOf(log, 0)
    await late.has(all.length)
    expect(late.seqs).toEqual(all)
  })
})
