import { prepareCorpus } from '@bgs/simnet/corpus.ts'
import { type FanoutRun, furtherDeliveryMicros, LEAD_IN_EVENTS, measureFanout } from './fanout.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { indigoBinary, startIndigoRelay } from './indigo-relay.ts'
import { type IngestRun, measureIngest, WARM_UP_EVENTS } from './ingest.ts'
import { medians, RUNS, round } from './medians.ts'
import { type StartRelay, startEmbeddedRelay } from './relay-under-test.ts'
import { measureReplay, type ReplayRun } from './replay.ts'
import { Scene } from './scene.ts'
import { UsageError } from './usage-error.ts'

/** All that is measured of one relay in one life of its process. */
interface Tour {
  readonly ingest: IngestRun
  readonly one: FanoutRun
  readonly many: FanoutRun
  readonly replay: ReplayRun
}

const HOSTS = 20
const ACCOUNTS = 2_000
const RATE = 2_000
const LIVE_SECONDS = 6

/** Takes in, sends live to one and to many, and replays what it has got by then: the same frames for every relay. */
async function tour(startRelay: StartRelay, ingested: number, subscribers: number): Promise<Tour> {
  const live = { rate: RATE, events: RATE * LIVE_SECONDS }
  const commits = WARM_UP_EVENTS + ingested + 2 * (LEAD_IN_EVENTS + live.events)
  const options = {
    seed: 5,
    hosts: HOSTS,
    accountsPerHost: ACCOUNTS / HOSTS,
    commits,
    ...FRAME_SIZES['2.5 KB'],
  }
  await using scene = await Scene.start(startRelay, options)
  return {
    ingest: await measureIngest(scene, prepareCorpus(options), ingested),
    one: await measureFanout(scene, { ...live, subscribers: 1 }),
    many: await measureFanout(scene, { ...live, subscribers }),
    replay: await measureReplay(scene.relay, { readers: 1, events: scene.sent }),
  }
}

/** `peers [EVENTS [SUBSCRIBERS]]`: this relay and that of indigo in turn, and what one is of the other. */
export async function benchPeers([
  ingested = 100_000,
  subscribers = 100,
]: readonly number[]): Promise<unknown> {
  const binary = indigoBinary()
  if ('missing' in binary) throw new UsageError(binary.missing)
  const relays = { this: startEmbeddedRelay, indigo: startIndigoRelay(binary.path) }
  const tours: Record<keyof typeof relays, Tour[]> = { this: [], indigo: [] }
  for (let i = 0; i < RUNS; i++)
    for (const name of ['this', 'indigo'] as const)
      tours[name].push(await tour(relays[name], ingested, subscribers))
  const [ours, theirs] = [figures(tours.this), figures(tours.indigo)]
  return {
    bench: 'peers',
    tls: false,
    hosts: HOSTS,
    accounts: ACCOUNTS,
    figures: { this: ours, indigo: theirs },
    ratios: {
      ingestCpu: ratio(ours.ingest.relayMicrosPerEvent, theirs.ingest.relayMicrosPerEvent),
      ingestRate: ratio(ours.ingest.eventsPerSecond, theirs.ingest.eventsPerSecond),
      ingestPeakRss: ratio(ours.ingest.peakRssMiB, theirs.ingest.peakRssMiB),
      furtherDeliveryCpu: ratio(ours.furtherDeliveryMicros, theirs.furtherDeliveryMicros),
      replayRate: ratio(ours.replay.eventsPerSecond, theirs.replay.eventsPerSecond),
      replayCpu: ratio(ours.replay.relayMicrosPerEvent, theirs.replay.relayMicrosPerEvent),
    },
    all: { this: tours.this.map(compact), indigo: tours.indigo.map(compact) },
  }
}

function figures(tours: readonly Tour[]) {
  const [one, many] = [medianOf(tours.map((some) => some.one)), medianOf(tours.map((some) => some.many))]
  return {
    ingest: medianOf(tours.map(({ ingest }) => ingest)),
    one,
    many,
    furtherDeliveryMicros: furtherDeliveryMicros(one, many),
    replay: medianOf(tours.map(({ replay }) => replay)),
  }
}

/** A tour's figures on one line: those of the relay, and whether the machine was left alone meanwhile. */
function compact({ ingest, one, many, replay }: Tour): Record<string, string> {
  const line = (run: IngestRun | FanoutRun | ReplayRun) =>
    `${run.eventsPerSecond}/s ${run.relayMicrosPerEvent} µs, others ${run.otherCores}, exact ${run.exact}`
  return { ingest: line(ingest), one: line(one), many: line(many), replay: line(replay) }
}

function medianOf<T extends object>(runs: readonly T[]): T {
  return medians(runs) as unknown as T
}

function ratio(ours: number, theirs: number): number {
  return round(ours / theirs, 2)
}
