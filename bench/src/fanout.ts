import { FRAME_SIZES, type FrameSize } from './frame-sizes.ts'
import { medians, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { isExact, Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

/** So many live subscribers, and events a second that the hosts send; null: all at once, as fast as they are read. */
interface FanoutRow {
  readonly subscribers: number
  readonly rate: number | null
  readonly events: number
}

/** What one run of a row took. */
export interface FanoutRun {
  readonly subscribers: number
  readonly rate: number | null
  readonly events: number
  readonly frameBytes: number
  readonly eventsPerSecond: number
  readonly deliveriesPerSecond: number
  /** CPU of the relay for an event, taking it in and sending it to all. */
  readonly relayMicrosPerEvent: number
  /** The same for each message that it sent. */
  readonly relayMicrosPerDelivery: number
  readonly hostsMicrosPerEvent: number
  readonly readersMicrosPerDelivery: number
  /** Cores that something else on this machine kept busy. */
  readonly otherCores: number
  /** Every subscriber got as many messages as were sent, and as many bytes as every other. */
  readonly exact: boolean
}

/** Before a run: what subscribers and relay need to be on their way, and live everywhere. */
const LEAD_IN_EVENTS = 1_000
const LEAD_IN_RATE = 1_000
/** Before the first run: accounts are met for the first time, code is compiled. */
const WARM_UP_EVENTS = 10_000
/** Few commits of each, so that repos stay of the size that the frames were chosen by. */
const ACCOUNTS = { '2.5 KB': 2_000, '5 KB': 400 } as const
const HOSTS = 20
const QUIET_MS = 500
const DEADLINE_MS = 180_000

/** Live subscribers that only count, each event sent to every one of them. */
async function measureFanout(scene: Scene, row: FanoutRow): Promise<FanoutRun> {
  const { source, relay } = scene
  const { subscribers, rate, events } = row
  await using readers = await Readers.start(subscribers)
  await readers.connect(relay.url, null)
  await scene.pace(LEAD_IN_EVENTS, LEAD_IN_RATE)
  await readers.settle(QUIET_MS)
  await readers.mark()
  const meter = new Meter({ relay, source, readers })
  const [endMs, begunMs] = await Promise.all([
    readers.reach(events, DEADLINE_MS),
    rate === null ? scene.offer(events) : scene.pace(events, rate),
  ])
  const cpu = meter.read()
  const count = await readers.settle(QUIET_MS)
  const seconds = (endMs - begunMs) / 1_000
  return {
    subscribers,
    rate,
    events,
    frameBytes: source.meanFrameBytes,
    eventsPerSecond: Math.round(events / seconds),
    deliveriesPerSecond: Math.round((events * subscribers) / seconds),
    relayMicrosPerEvent: round((cpu.relay * 1e6) / events),
    relayMicrosPerDelivery: round((cpu.relay * 1e6) / (events * subscribers), 2),
    hostsMicrosPerEvent: round((cpu.source * 1e6) / events),
    readersMicrosPerDelivery: round((cpu.readers * 1e6) / (events * subscribers), 2),
    otherCores: cpu.otherCores,
    exact: isExact(count, events),
  }
}

/**
 * CPU of one more delivery: what further subscribers cost beyond the first, shared among all their deliveries. Where
 * one subscriber leaves a relay time to rest, many make it take in larger batches, which saves more than they cost: it
 * may come out below 0. As fast as they read, batches are large for both.
 */
export function furtherDeliveryMicros(one: FanoutCost, many: FanoutCost): number {
  if (one.subscribers !== 1 || many.subscribers < 2) throw new RangeError('one subscriber against several')
  return round((many.relayMicrosPerEvent - one.relayMicrosPerEvent) / (many.subscribers - 1), 2)
}

type FanoutCost = Pick<FanoutRun, 'subscribers' | 'relayMicrosPerEvent'>

/** `fanout`: all rows; `fanout SUBSCRIBERS RATE SECONDS`: one and so many at that rate, 0 as fast as they read. */
export async function benchFanout([
  subscribers,
  rate = 2_000,
  seconds = 6,
]: readonly number[]): Promise<unknown> {
  if (subscribers === undefined)
    return {
      bench: 'fanout',
      tls: false,
      sizes: [await rowsOf('2.5 KB', ROWS), await rowsOf('5 KB', LARGE_ROWS)],
    }
  const events = (rate === 0 ? 2_000 : rate) * seconds
  const rows = [1, subscribers].map((count) => ({
    subscribers: count,
    rate: rate === 0 ? null : rate,
    events,
  }))
  return { bench: 'fanout', tls: false, sizes: [await rowsOf('2.5 KB', rows)] }
}

const ROWS: readonly FanoutRow[] = [
  { subscribers: 1, rate: 2_000, events: 12_000 },
  { subscribers: 10, rate: 2_000, events: 12_000 },
  { subscribers: 100, rate: 2_000, events: 12_000 },
  { subscribers: 1, rate: 400, events: 2_400 },
  { subscribers: 500, rate: 400, events: 2_400 },
  { subscribers: 1, rate: null, events: 12_000 },
  { subscribers: 10, rate: null, events: 12_000 },
  { subscribers: 100, rate: null, events: 6_000 },
  { subscribers: 500, rate: null, events: 2_000 },
]

const LARGE_ROWS: readonly FanoutRow[] = [
  { subscribers: 1, rate: 2_000, events: 12_000 },
  { subscribers: 100, rate: 2_000, events: 12_000 },
]

async function rowsOf(frames: FrameSize, rows: readonly FanoutRow[]): Promise<unknown> {
  const events = rows.reduce((sum, row) => sum + LEAD_IN_EVENTS + row.events, 0) * RUNS + WARM_UP_EVENTS
  // In steps, so that other numbers find the same corpus in the cache.
  const commits = Math.ceil(events / 20_000) * 20_000
  const accountsPerHost = ACCOUNTS[frames] / HOSTS
  const corpus = { seed: 3, hosts: HOSTS, accountsPerHost, commits, ...FRAME_SIZES[frames] }
  await using scene = await Scene.start(startEmbeddedRelay, corpus)
  await scene.pace(WARM_UP_EVENTS, LEAD_IN_RATE)
  const runs: FanoutRun[] = []
  for (let i = 0; i < RUNS; i++) for (const row of rows) runs.push(await measureFanout(scene, row))
  return { frames, peakRssMiB: Math.round(scene.relay.peakRss() / 2 ** 20), ...summary(runs) }
}

/** For each row the medians, with the cost of a further delivery against the row of one subscriber at its rate. */
export function summary(runs: readonly FanoutRun[]): { rows: unknown[]; all: unknown[] } {
  const byRow = Map.groupBy(runs, ({ subscribers, rate }) => `${subscribers} ${rate}`)
  const rows = [...byRow.values()].map((some) => medians(some) as unknown as FanoutRun)
  return {
    rows: rows.map((row) => {
      const one = rows.find(({ subscribers, rate }) => subscribers === 1 && rate === row.rate)
      const further =
        one === undefined || row.subscribers < 2
          ? {}
          : { furtherDeliveryMicros: furtherDeliveryMicros(one, row) }
      return { ...row, ...further }
    }),
    all: runs.map(({ subscribers, rate, eventsPerSecond, relayMicrosPerEvent, otherCores, exact }) =>
      [subscribers, rate, eventsPerSecond, relayMicrosPerEvent, otherCores, exact].join(' '),
    ),
  }
}
