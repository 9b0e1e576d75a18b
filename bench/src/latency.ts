import { setTimeout as delay } from 'node:timers/promises'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { type Corpus, type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { WARM_UP_EVENTS } from './ingest.ts'
import { type KeptMessage, KeptStream } from './kept-stream.ts'
import { medians, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { percentile } from './percentile.ts'
import { RawSubscription } from './raw-subscription.ts'
import { isExact, Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

/** Times from a host's send to a subscriber's receive at one rate, of accounts that are known. */
interface LatencyRun {
  readonly rate: number
  readonly events: number
  readonly subscribers: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly relayMicrosPerEvent: number
  /** Cores that something else on this machine kept busy. */
  readonly otherCores: number
  /** Each event came once to the subscriber that told the time, and all of them to every other. */
  readonly exact: boolean
}

const SUBSCRIBERS = 10
/** From the answer to the handshake until a relay has really subscribed its client. */
const SUBSCRIBED_MS = 500
const QUIET_MS = 300
const DEADLINE_MS = 60_000
const RATES = [200, 1_000, 3_000] as const
/** The same as `ingest` has by default, so that one prepared corpus serves both. */
const CORPUS: CorpusOptions = {
  seed: 1,
  hosts: 20,
  accountsPerHost: 100,
  commits: 120_000,
  ...FRAME_SIZES['2.5 KB'],
}

/** Hosts that send at a steady rate; one of the subscribers tells the time, the others only read. */
async function measureLatency(
  scene: Scene,
  places: ReadonlyMap<string, number>,
  { rate, events }: { rate: number; events: number },
): Promise<LatencyRun> {
  const { source, relay } = scene
  const stream = new KeptStream()
  await using readers = await Readers.start(SUBSCRIBERS - 1)
  await readers.connect(relay.url, null)
  const judging = await RawSubscription.connect({ url: relay.url, cursor: null, onChunk: stream.keep })
  await delay(SUBSCRIBED_MS)
  const first = scene.sent
  const meter = new Meter({ relay, source, readers })
  await Promise.all([readers.reach(events, DEADLINE_MS), judging.reaches(events), scene.pace(events, rate)])
  const cpu = meter.read()
  const count = await readers.settle(QUIET_MS)
  judging.close()
  const { millis, exact } = delays(arrivals(stream.messages(), places, first), await source.sentMs(first))
  return {
    rate,
    events,
    subscribers: SUBSCRIBERS,
    p50Ms: round(percentile(millis, 0.5), 2),
    p99Ms: round(percentile(millis, 0.99), 2),
    p999Ms: round(percentile(millis, 0.999), 2),
    maxMs: round(percentile(millis, 1), 2),
    relayMicrosPerEvent: round((cpu.relay * 1e6) / events),
    otherCores: cpu.otherCores,
    exact: exact && isExact(count, events),
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
function* arrivals(
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
function placesOf(corpus: Corpus): Map<string, number> {
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

/** `latency [SECONDS]`: so long at each rate. */
export async function benchLatency([seconds = 6]: readonly number[]): Promise<unknown> {
  const places = placesOf(prepareCorpus(CORPUS))
  await using scene = await Scene.start(startEmbeddedRelay, CORPUS)
  await using warming = await Readers.start(1)
  await warming.connect(scene.relay.url, null)
  await Promise.all([warming.reach(WARM_UP_EVENTS, DEADLINE_MS), scene.offer(WARM_UP_EVENTS)])
  await warming.close()
  const runs: LatencyRun[] = []
  for (let i = 0; i < RUNS; i++)
    for (const rate of RATES) runs.push(await measureLatency(scene, places, { rate, events: rate * seconds }))
  return {
    bench: 'latency',
    tls: false,
    frameBytes: scene.source.meanFrameBytes,
    rows: RATES.map((rate) => medians(runs.filter((run) => run.rate === rate))),
    all: runs.map((run) =>
      [run.rate, run.p50Ms, run.p99Ms, run.p999Ms, run.relayMicrosPerEvent, run.otherCores, run.exact].join(
        ' ',
      ),
    ),
  }
}
