import { setTimeout as delay } from 'node:timers/promises'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import type { Corpus } from '@bgs/simnet/corpus.ts'
import { type KeptMessage, KeptStream } from './kept-stream.ts'
import { round } from './medians.ts'
import { Meter } from './meter.ts'
import { percentile } from './percentile.ts'
import { RawSubscription } from './raw-subscription.ts'
import { isExact, Readers } from './readers.ts'
import type { Scene } from './scene.ts'

/** So many events a second, of so many live subscribers. */
export interface PacedRow {
  readonly rate: number
  readonly events: number
  readonly subscribers: number
}

/** What a steady rate takes, and the times from a host's send to a subscriber's receive. */
export interface PacedRun extends PacedRow {
  /** That came through: less than were offered where the machine cannot keep up. */
  readonly eventsPerSecond: number
  readonly relayMicrosPerEvent: number
  /** Resident memory of the relay at its end. */
  readonly rssMiB: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** Cores that something else on this machine kept busy. */
  readonly otherCores: number
  /** Each event came once to the subscriber that told the time, and all of them to every other. */
  readonly exact: boolean
}

/** From the answer to the handshake until a relay has really subscribed its client. */
const SUBSCRIBED_MS = 500
const QUIET_MS = 300
const DEADLINE_MS = 180_000

/** Hosts that send at a steady rate; one of the subscribers tells the time, the others only read. */
export async function measurePaced(
  scene: Scene,
  places: ReadonlyMap<string, number>,
  { rate, events, subscribers }: PacedRow,
): Promise<PacedRun> {
  const { source, relay } = scene
  const stream = new KeptStream()
  await using readers = await Readers.start(subscribers - 1)
  await readers.connect(relay.url, null)
  const judging = await RawSubscription.connect({ url: relay.url, cursor: null, onChunk: stream.keep })
  await delay(SUBSCRIBED_MS)
  const first = scene.sent
  const meter = new Meter({ relay, source, readers })
  const [readersMs, judgingMs, begunMs] = await Promise.all([
    readers.reach(events, DEADLINE_MS),
    judging.reaches(events),
    scene.pace(events, rate),
  ])
  const cpu = meter.read()
  const rss = relay.rss()
  const count = await readers.settle(QUIET_MS)
  judging.close()
  const { millis, exact } = delays(arrivals(stream.messages(), places, first), await source.sentMs(first))
  return {
    rate,
    events,
    subscribers,
    eventsPerSecond: Math.round(events / ((Math.max(readersMs, judgingMs) - begunMs) / 1_000)),
    relayMicrosPerEvent: round((cpu.relay * 1e6) / events),
    rssMiB: Math.round(rss / 2 ** 20),
    p50Ms: round(percentile(millis, 0.5), 2),
    p99Ms: round(percentile(millis, 0.99), 2),
    p999Ms: round(percentile(millis, 0.999), 2),
    maxMs: round(percentile(millis, 1), 2),
    otherCores: cpu.otherCores,
    exact: exact && (subscribers === 1 || isExact(count, events)),
  }
}

/** Sorted times from send to arrival, and whether each event that was sent arrived once and nothing else did. */
export function delays(
  arrived: Iterable<readonly [event: number, atMs: number]>,
  sentMs: readonly number[],
): { millis: number[]; exact: boolean } {
  const seen = new Set<number>()
  const millis: number[] = []
  let others = 0
  for (const [event, atMs] of arrived) {
    const sentAt = sentMs[event]
    if (sentAt === undefined || seen.has(event)) others++
    else millis.push(atMs - sentAt)
    seen.add(event)
  }
  return { millis: millis.sort((a, b) => a - b), exact: others === 0 && millis.length === sentMs.length }
}

/** Which of the events from `first` on each message is, NaN for none, and when it came. */
export function* arrivals(
  messages: Iterable<KeptMessage>,
  places: ReadonlyMap<string, number>,
  first: number,
): Generator<[number, number]> {
  for (const { bytes, arrivedMs } of messages) {
    const frame = scanFrame(bytes)
    const isCommit = frame.kind === 'frame' && frame.type === '#commit'
    const place = isCommit ? places.get(`${frame.did} ${frame.rev}`) : undefined
    yield [place === undefined ? Number.NaN : place - first, arrivedMs]
  }
}

/** The number of each event by repo and rev, when the hosts send in turn. */
export function placesOf(corpus: Corpus): Map<string, number> {
  const places = new Map<string, number>()
  for (let host = 0; host < corpus.hostCount; host++) {
    let place = host
    for (const { did, rev } of corpus.host(host).expectedEvents()) {
      places.set(`${did} ${rev}`, place)
      place += corpus.hostCount
    }
  }
  return places
}
