import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { encodeErrorFrame, encodeFrame, OPCODE_BINARY, OPCODE_TEXT } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InFlight } from './cursor-tracker.ts'
import { crawlerMetrics } from './metrics.ts'
import { HostSession } from './session.ts'

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

let pds: SimPds
let crawl: Crawl
beforeEach(async () => {
  pds = await SimPds.start()
})
afterEach(async () => {
  await crawl.stop()
  await pds.close()
})

/** One session and a topic whose consumer is the test. */
class Crawl {
  readonly session: HostSession
  readonly raw = new MemoryTopic<RawEnvelope>({ generation: 1, partitions: 4, maxBytes: 1e9 })
  readonly taken: BusEntry<RawEnvelope>[] = []
  readonly epochs: number[] = []
  readonly banned: string[] = []
  readonly metrics = crawlerMetrics(new Registry())
  readonly rejections = new RejectionRecorder(undefined as never)
  gate: Promise<void> | undefined
  openDescriptors: number
  readonly running: Promise<void>
  readonly #consumer = this.raw.consumer()
  readonly #stop = new AbortController()

  /** Its row in the database, with these values changed. */
  readonly host: (change: Partial<HostRow>) => HostRow

  constructor(cursor: number | null, startLive = false, change: Partial<HostRow> = {}, openDescriptors = 10) {
    this.openDescriptors = openDescriptors
    const host = {
      hostname: change.hostname ?? pds.hostname,
      epoch: 1,
      cursor,
      last_seq: cursor,
      last_event_ms: 0,
      failures: 0,
      fence: 0,
      restarts: 0,
      lenient: 0,
      upstream: 0,
      start_live: startLive ? 1 : 0,
      account_limit: 100,
      trusted: 0,
      events_per_second: null,
      events_per_hour: null,
      events_per_day: null,
      ...change,
    } as HostRow
    this.host = (other) => ({ ...host, ...other })
    this.session = new HostSession(host, {
      raw: this.raw.producer<InFlight>((token) => token.tracker.finish(token)),
      partitions: 4,
      gate: () => this.gate,
      descriptors: new Descriptors(1_000, () => this.openDescriptors),
      metrics: this.metrics,
      logger: createLogger('silent'),
      rejections: this.rejections,
      names: strangersNames(true),
      allowPrivate: true,
      startLive: false,
      now: Date.now,
      raiseEpoch: async (_name, from) => {
        this.epochs.push(from + 1)
        return from + 1
      },
      banAsRelay: (name) => this.banned.push(name),
    })
    this.running = this.session.run(this.#stop.signal, 0)
  }

  /** Takes what is there; `finish` says which are done with. */
  take(finish = true): void {
    for (const entry of this.#consumer.poll(10_000)) {
      this.taken.push(entry)
      if (finish) this.#consumer.done(entry)
    }
  }

  done(entry: BusEntry<RawEnvelope> | undefined): void {
    if (entry !== undefined) this.#consumer.done(entry)
  }

  get seqs(): number[] {
    return this.taken.map(({ value }) => value.seq)
  }

  /** Waits, taking all that comes; `hurry` ends the pauses between attempts. */
  until(what: string, condition: () => boolean, hurry = false, finish = true): Promise<void> {
    return until(what, () => {
      this.take(finish)
      if (hurry) this.session.crawlNow()
      return condition()
    })
  }

  async pauses(cause: string): Promise<number> {
    const { values } = await this.metrics.pauses.get()
    return values.find(({ labels }) => labels.cause === cause)?.value ?? 0
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.running
  }
}

const identity = (seq?: number, handle = 'a.example.com') =>
  pds.emit({ type: '#identity', body: { did: DID, handle } }, seq === undefined ? {} : { seq })

/** A message whose first byte is wrong. */
const broken = (opcode: number) => pds.emitRaw(Buffer.from('hello'), { opcode })

it('waits while few descriptors are left, which is no fault of its host', async () => {
  identity()
  crawl = new Crawl(0, false, {}, 950)
  await crawl.until('it says why', () => crawl.session.report.lastError?.includes('descriptors') === true)
  expect([crawl.session.report.failures, crawl.session.report.status]).toEqual([0, 'active'])
  crawl.openDescriptors = 500
  await crawl.until('it is crawled', () => crawl.taken.length > 0, true)
  expect(crawl.session.report.lastError).toBeNull()
})

describe('Q9, Q10: cursors', () => {
  it('a host first met is read from its beginning, unless it is to start live', async () => {
    identity()
    crawl = new Crawl(null)
    await crawl.until('the event', () => crawl.seqs.length === 1)
    await crawl.stop()
    crawl = new Crawl(null, true)
    await until('the subscription', () => pds.cursorsSeen.length === 2 && crawl.session.report.connected)
    identity()
    await crawl.until('the live event', () => crawl.seqs.length === 1)
    expect(pds.cursorsSeen).toEqual([0, null])
    expect(crawl.seqs).toEqual([2])
  })

  it('a reconnect resumes at the highest seq all of whose predecessors are done', async () => {
    for (let i = 0; i < 5; i++) identity()
    crawl = new Crawl(0)
    await crawl.until('five events', () => crawl.taken.length === 5, false, false)
    for (const i of [0, 1, 3]) crawl.done(crawl.taken[i])
    expect(crawl.session.tracker.lowWater).toBe(2)
    pds.sever()
    await crawl.until('the rest again', () => crawl.taken.length === 8, true)
    expect(pds.cursorsSeen).toEqual([0, 2])
    expect(crawl.seqs.slice(5)).toEqual([3, 4, 5])
    expect(crawl.session.tracker.lowWater).toBe(5)
  })

  it('what an earlier connection left on its way does not move the new one’s cursor', async () => {
    for (let i = 0; i < 3; i++) identity()
    crawl = new Crawl(0)
    await crawl.until('three events', () => crawl.taken.length === 3, false, false)
    pds.sever()
    await crawl.until('them again', () => crawl.taken.length === 6, true, false)
    for (const entry of crawl.taken.slice(0, 3)) crawl.done(entry)
    expect(crawl.session.tracker.lowWater).toBe(0)
    for (const entry of crawl.taken.slice(3)) crawl.done(entry)
    expect(crawl.session.tracker.lowWater).toBe(3)
  })

  it('Q13: the host tells of a gap: the session goes on', async () => {
    for (let i = 0; i < 4; i++) identity()
    pds.evictThrough(2)
    crawl = new Crawl(1)
    await crawl.until('the rest', () => crawl.seqs.length === 2)
    expect(crawl.seqs).toEqual([3, 4])
    expect(pds.cursorsSeen).toEqual([1])
  })
})

describe('G1, W4, W7, W8: what breaks a stream is stepped over', () => {
  it('W4, A5: what only the strict scan finds closes the connection, and is not sent on its way again', async () => {
    for (let i = 0; i < 4; i++) identity()
    crawl = new Crawl(0)
    await crawl.until('four events', () => crawl.taken.length === 4, false, false)
    crawl.session.noteBroken({ epoch: 1, seq: 2, reason: 'frame-not-canonical' })
    crawl.done(crawl.taken[1])
    await crawl.until('the others again', () => crawl.taken.length === 7, true, false)
    expect(pds.cursorsSeen).toEqual([0, 0])
    expect(crawl.seqs.slice(4)).toEqual([1, 3, 4])
  })

  it('W4 in a cluster: a frame found broken elsewhere closes the connection that it came over, and no later one', async () => {
    for (let i = 0; i < 2; i++) identity()
    crawl = new Crawl(0)
    const broken = (epoch: number, seq: number) =>
      crawl.session.noteBroken({ epoch, seq, reason: 'frame-not-canonical' })
    await crawl.until('two events, safe at once', () => crawl.session.tracker.lowWater === 2)
    broken(2, 2)
    identity()
    await crawl.until('the next, over the same connection', () => crawl.taken.length === 3)
    broken(1, 2)
    await crawl.until('another connection', () => pds.cursorsSeen.length === 2, true)
    broken(1, 2)
    broken(1, 3)
    identity()
    await crawl.until('the next, over the second one', () => crawl.seqs.includes(4))
    expect(pds.cursorsSeen).toEqual([0, 3])
  })

  it.each<[string, () => void]>([
    ['no CBOR at all', () => pds.emitRaw(Uint8Array.of(0xff, 0xff))],
    ['W8: a text message', () => pds.emitRaw(Buffer.from('hello'), { opcode: OPCODE_TEXT })],
    ['W7: a message over 5,000,000 bytes', () => pds.emitRaw(Buffer.alloc(5_000_001))],
    ['W1: a message with a reserved bit, as one that is compressed', () => broken(0x40 | OPCODE_BINARY)],
    ['W1: a message of an unknown kind', () => broken(3)],
    ['W1: the rest of a message that never began', () => broken(0)],
    ['W9: an error frame, said again each time', () => pds.emitRaw(encodeErrorFrame('Odd', 'x'))],
  ])('%s', async (_name, poison) => {
    identity()
    poison()
    identity()
    identity()
    crawl = new Crawl(0)
    await crawl.until('the events behind it', () => crawl.seqs.includes(4), true)
    expect(crawl.seqs.includes(1) && crawl.seqs.includes(3)).toBe(true)
    expect(pds.cursorsSeen.length).toBeGreaterThan(1)
    await until('the cursor', () => crawl.session.tracker.lowWater === 4)
  })

  it('W1: a message that is none is met twice before it is stepped over, and is counted; the good ones around it are not lost', async () => {
    identity()
    broken(0x40 | OPCODE_BINARY)
    broken(0x40 | OPCODE_BINARY)
    identity()
    crawl = new Crawl(0)
    await crawl.until('the event behind it', () => crawl.seqs.includes(4), true)
    expect(crawl.seqs.filter((seq) => seq === 4)).toHaveLength(1)
    const { values } = await crawl.metrics.rejected.get()
    expect(values.find(({ labels }) => labels.reason === 'message-malformed')?.value).toBeGreaterThanOrEqual(
      3,
    )
  })

  it('W1: what is wrong with a close is not in the sequence: nothing is stepped over', async () => {
    identity()
    crawl = new Crawl(0)
    await crawl.until('the event', () => crawl.session.tracker.lowWater === 1)
    for (const round of [1, 2, 3]) {
      await crawl.until(
        'a subscription',
        () => pds.subscriptions.size === 1 && crawl.session.report.connected,
        true,
      )
      // 1006 is never sent.
      for (const { socket } of pds.subscriptions) socket.close(1006)
      await crawl.until(`end ${round}`, () => !crawl.session.report.connected)
    }
    await crawl.until('another', () => pds.cursorsSeen.length >= 4, true)
    expect(new Set(pds.cursorsSeen.slice(1))).toEqual(new Set([1]))
  })

  it('W8: is closed with 1003, a bad frame with 1008', async () => {
    const codes: (number | null)[] = []
    pds.emitRaw(Buffer.from('hello'), { opcode: OPCODE_TEXT })
    crawl = new Crawl(0)
    await until('a subscription', () => pds.subscriptions.size === 1)
    const [first] = pds.subscriptions
    await until('its end', () => typeof first?.socket.closeCode === 'number')
    codes.push(first?.socket.closeCode ?? null)
    pds.emitRaw(Uint8Array.of(0xff))
    await crawl.until(
      'the next one',
      () => pds.subscriptions.size === 1 && !pds.subscriptions.has(first as never),
      true,
    )
    const [second] = pds.subscriptions
    await until('its end', () => typeof second?.socket.closeCode === 'number')
    codes.push(second?.socket.closeCode ?? null)
    expect(codes).toEqual([1003, 1008])
  })

  it('G1: an event that is wrong in itself is dropped, the connection stays, the cursor passes it', async () => {
    identity()
    pds.emitRaw(encodeFrame('#identity', { did: 'did:key:x', seq: 2, time: '2026-01-01T00:00:00Z' }))
    pds.emitRaw(encodeFrame('#new', { did: DID, seq: 3 }))
    identity()
    crawl = new Crawl(0)
    await crawl.until('the event behind it', () => crawl.seqs.includes(4))
    expect(crawl.seqs).toEqual([1, 4])
    expect(pds.cursorsSeen).toEqual([0])
    expect(crawl.session.tracker.lowWater).toBe(4)
  })

  it('Q11: a seq that does not rise is dropped, a burst of them closes', async () => {
    identity(10)
    crawl = new Crawl(0)
    await crawl.until('the first', () => crawl.seqs.length === 1)
    identity(10)
    identity(5)
    identity(11)
    await crawl.until('the next', () => crawl.seqs.length === 2)
    expect(crawl.seqs).toEqual([10, 11])
    const [subscription] = pds.subscriptions
    for (let i = 0; i < 100; i++) identity(11)
    await until('the close', () => subscription?.socket.closeCode === 1008)
  })
})

describe('Q12, A2: a host that began a new sequence', () => {
  it('FutureCursor: idle, the cursor kept, asked again half a minute later; requestCrawl is the word for it', async () => {
    identity()
    crawl = new Crawl(100)
    await until('the refusal', () => crawl.session.report.status === 'idle')
    expect(crawl.session.tracker.lowWater).toBe(100)
    expect(crawl.session.report.retryAtMs).toBeGreaterThan(Date.now() + 25_000)
    expect(crawl.epochs).toEqual([])
    crawl.session.crawlNow()
    await crawl.until('what it has', () => crawl.taken.length === 1)
    expect(crawl.epochs).toEqual([2])
    expect(pds.cursorsSeen).toEqual([100, 0])
    expect(crawl.taken[0]?.value).toMatchObject({ epoch: 2, seq: 1 })
    expect(crawl.session.report.status).toBe('active')
  })

  it('A2: a first seq below the cursor: a new epoch at once, all of it is read, nothing of the old mixes in', async () => {
    pds.silentOnFutureCursor = true
    crawl = new Crawl(100)
    await until('the subscription', () => crawl.session.report.connected)
    identity()
    identity()
    await crawl.until('both', () => crawl.taken.length === 2)
    expect(crawl.epochs).toEqual([2])
    expect(pds.cursorsSeen).toEqual([100, 0])
    expect(crawl.taken.map(({ value }) => [value.epoch, value.seq])).toEqual([
      [2, 1],
      [2, 2],
    ])
  })

  it('A2: is believed once an hour on its behaviour alone', async () => {
    pds.silentOnFutureCursor = true
    crawl = new Crawl(100)
    await until('the subscription', () => crawl.session.report.connected)
    for (let i = 0; i < 5; i++) identity()
    await crawl.until('all', () => crawl.taken.length === 5)
    pds.restartSequence()
    await crawl.until('a reconnect', () => pds.subscriptions.size === 1 && pds.cursorsSeen.length === 3, true)
    identity()
    identity(6)
    await crawl.until('a seq above the cursor', () => crawl.seqs.includes(6))
    expect(crawl.epochs).toEqual([2])
  })
})

describe('A1, A2: a host that sends what was read once more', () => {
  it('is in the same sequence: it is passed over, and what follows is read', async () => {
    pds.replaysBefore = 5
    for (let i = 0; i < 10; i++) identity()
    crawl = new Crawl(0)
    await crawl.until('ten events', () => crawl.session.tracker.lowWater === 10)
    pds.sever()
    await crawl.until('a reconnect', () => pds.cursorsSeen.length === 2, true)
    identity()
    await crawl.until('the next', () => crawl.seqs.includes(11))
    expect(crawl.seqs).toEqual(Array.from({ length: 11 }, (_, i) => i + 1))
    expect(crawl.epochs).toEqual([])
  })

  it('was restored from a backup: a seq stands for another event, so it began anew', async () => {
    pds.silentOnFutureCursor = true
    for (let i = 0; i < 10; i++) identity()
    crawl = new Crawl(0)
    await crawl.until('ten events', () => crawl.session.tracker.lowWater === 10)
    pds.restartSequence()
    for (let i = 0; i < 8; i++) identity()
    await crawl.until('a reconnect', () => pds.cursorsSeen.length === 2, true)
    identity(undefined, 'b.example.com')
    await crawl.until('the new sequence', () => crawl.taken.length === 19, true)
    expect(crawl.epochs).toEqual([2])
    expect(crawl.taken.slice(10).map(({ value }) => [value.epoch, value.seq])).toEqual(
      Array.from({ length: 9 }, (_, i) => [2, i + 1]),
    )
  })
})

describe('invariant 12, H10: back-pressure', () => {
  const large = 'x'.repeat(100_000)

  it('too much of one host on its way: it is read no further, and goes on when some is done', async () => {
    const total = 80
    for (let i = 0; i < total; i++) identity(undefined, large)
    crawl = new Crawl(0)
    while ((await crawl.pauses('host')) === 0) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const { tracker } = crawl.session
    expect(tracker.bytes).toBeGreaterThan(2 * 1024 * 1024)
    expect(tracker.bytes).toBeLessThan(4 * 1024 * 1024)
    expect(crawl.raw.pendingRecords).toBeLessThan(total)
    await crawl.until('all of it', () => crawl.taken.length === total)
    expect(crawl.seqs).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    expect(pds.cursorsSeen).toEqual([0])
  })

  it('a closed gate (no disk space): nothing more is read until it opens', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    crawl = new Crawl(0)
    crawl.gate = promise
    await until('the subscription', () => crawl.session.report.connected)
    for (let i = 0; i < 60; i++) identity(undefined, large)
    for (let i = 0; i < 20; i++) await new Promise((go) => setImmediate(go))
    crawl.take()
    expect(crawl.taken.length).toBeLessThan(30)
    crawl.gate = undefined
    resolve()
    await crawl.until('all of it', () => crawl.taken.length === 60)
  })
})

it('H5: a host that says it is a relay is banned, and the session ends', async () => {
  pds.handshakeHeaders = { Server: 'atproto-relay/1.0' }
  identity()
  crawl = new Crawl(0)
  await crawl.running
  expect(crawl.banned).toEqual([pds.hostname])
  expect(crawl.session.report.status).toBe('banned')
  expect(crawl.raw.pendingRecords).toBe(0)
})

it('H3: attempts without progress are counted, but for those before their time; an event resets them', async () => {
  const { hostname } = pds
  await pds.close()
  crawl = new Crawl(0, false, { hostname, failures: 5 })
  await crawl.until('an attempt at the start', () => crawl.session.report.lastError !== null)
  expect(crawl.session.report).toMatchObject({ failures: 5, status: 'active', connected: false })
  await crawl.stop()
  crawl = new Crawl(0, false, { hostname })
  await crawl.until('attempts that were waited for', () => crawl.session.report.failures === 2)
  const ends = new Set<number>()
  const sixEnds = () => ends.add(crawl.session.report.retryAtMs).size > 5
  await crawl.until('attempts that were asked for', sixEnds, true)
  expect(crawl.session.report).toMatchObject({ failures: 2, connected: false })
  await crawl.stop()
  crawl = new Crawl(0, false, { hostname, failures: 6 })
  await crawl.until('an attempt', () => crawl.session.report.status === 'offline')
  pds = await SimPds.start({ port: Number(hostname.split(':')[1]) })
  identity()
  await crawl.until('the event', () => crawl.taken.length === 1, true)
  pds.sever()
  await until('the end', () => !crawl.session.report.connected)
  expect(crawl.session.report).toMatchObject({ status: 'active', failures: 0 })
})

it('H3: a connection that stood, and was cut while the host had nothing to say, is no failure', async () => {
  crawl = new Crawl(0)
  for (let round = 0; round < 2; round++) {
    await crawl.until('a subscription', () => crawl.session.report.connected, true)
    const openedMs = performance.now()
    await until('it stood for a while', () => performance.now() - openedMs > 1_100)
    pds.sever()
    await until('the end', () => !crawl.session.report.connected)
    expect(crawl.session.report).toMatchObject({ failures: 0, status: 'active' })
    expect(crawl.session.report.retryAtMs - Date.now()).toBeLessThanOrEqual(8_000)
  }
  await crawl.until('a subscription', () => crawl.session.report.connected, true)
  for (let round = 1; round <= 6; round++) {
    pds.sever()
    await until('the end', () => !crawl.session.report.connected)
    expect(crawl.session.report.failures, 'it stood too briefly, and what was asked for adds nothing').toBe(1)
    await crawl.until('a subscription', () => crawl.session.report.connected, true)
  }
})

it('H8: a host that has to wait for its quota has not failed to finish what it is not read on with', async () => {
  crawl = new Crawl(0)
  await until('the subscription', () => crawl.session.report.connected)
  identity(undefined, 'x'.repeat(4_000_000))
  await until('a pause in the middle of a message', () => {
    if (crawl.session.unfinished.bytes === 0) return false
    crawl.session.charge({ refused: 1_000_000, slowMs: 0 })
    return true
  })
  const fromMs = performance.now()
  await until('a while', () => performance.now() > fromMs + 300)
  expect(crawl.session.unfinished.bytes).toBeGreaterThan(0)
  expect(crawl.session.unfinished.ageMs).toBeLessThan(200)
})

it('H8: a limit that is raised holds at once, for what waits on account of the former one', async () => {
  crawl = new Crawl(0, false, { events_per_hour: 3 })
  for (let i = 0; i < 3; i++) identity()
  await crawl.until('three events', () => crawl.taken.length === 3)
  identity()
  await crawl.until('the fourth, and a pause behind it', () => crawl.session.report.status === 'throttled')
  for (let i = 0; i < 5; i++) identity()
  crawl.session.change(crawl.host({ events_per_hour: 1_000 }))
  await crawl.until('the rest', () => crawl.taken.length === 9)
  expect(crawl.session.report.status).toBe('active')
})
