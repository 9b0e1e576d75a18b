import { setTimeout as delay } from 'node:timers/promises'
import { type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { furtherDeliveryMicros } from './fanout.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { indigoBinary, startIndigoRelay } from './indigo-relay.ts'
import { type IngestRun, measureIngest, WARM_UP_EVENTS } from './ingest.ts'
import { medians, RUNS, round } from './medians.ts'
import { measurePaced, type PacedRun, placesOf } from './paced.ts'
import { type StartRelay, startEmbeddedRelay } from './relay-under-test.ts'
import { measureReplay, type ReplayRun } from './replay.ts'
import { Scene } from './scene.ts'
import { UsageError } from './usage-error.ts'

/** What real networks have (270 to 400 events a second, 600 to 2,000 at their peaks), and for how long each is offered. */
const RATES = [
  { rate: 300, seconds: 20 },
  { rate: 1_000, seconds: 10 },
  { rate: 2_000, seconds: 8 },
] as const
const SUBSCRIBERS = [1, 50, 300] as const
/** What a process counts as cold for. */
const COLD_EVENTS = 15_000
/** Between a flood and what comes after it. */
const SILENCE_MS = 5_000

/** All that is measured of one relay in one life of its process, and of one more life for each row that is cold. */
interface Tour {
  readonly flood: IngestRun
  readonly warm: readonly PacedRun[]
  readonly replay: ReplayRun
  readonly cold: readonly PacedRun[]
}

const CORPUS = { seed: 5, hosts: 20, accountsPerHost: 100, ...FRAME_SIZES['2.5 KB'] }

/** The same frames for every relay. */
async function tour(startRelay: StartRelay, flooded: number): Promise<Tour> {
  const paced = RATES.reduce((sum, { rate, seconds }) => sum + rate * seconds * SUBSCRIBERS.length, 0)
  const options = { ...CORPUS, commits: WARM_UP_EVENTS + flooded + paced }
  return { ...(await warmTour(startRelay, options, flooded)), cold: await coldTour(startRelay, options) }
}

/** One life: a flood, a silence, each rate, and a replay of what has come by then. */
async function warmTour(startRelay: StartRelay, options: CorpusOptions, flooded: number) {
  const corpus = prepareCorpus(options)
  const places = placesOf(corpus)
  await using scene = await Scene.start(startRelay, options)
  const flood = await measureIngest(scene, corpus, flooded)
  await delay(SILENCE_MS)
  const warm: PacedRun[] = []
  for (const subscribers of SUBSCRIBERS)
    for (const { rate, seconds } of RATES)
      warm.push(await measurePaced(scene, places, { rate, events: rate * seconds, subscribers }))
  const replay = await measureReplay(scene.relay, { readers: 1, events: scene.sent })
  return { flood, warm, replay }
}

/** A life for each row: its first events. */
async function coldTour(startRelay: StartRelay, options: CorpusOptions): Promise<PacedRun[]> {
  const places = placesOf(prepareCorpus(options))
  const cold: PacedRun[] = []
  for (const subscribers of SUBSCRIBERS)
    for (const { rate } of RATES) {
      await using scene = await Scene.start(startRelay, options)
      cold.push(await measurePaced(scene, places, { rate, events: COLD_EVENTS, subscribers }))
    }
  return cold
}

/** `peers [EVENTS [RUNS]]`: this relay and that of indigo in turn, and what one is of the other; EVENTS of the flood. */
export async function benchPeers([flooded = 25_000, runs = RUNS]: readonly number[]): Promise<unknown> {
  const binary = indigoBinary()
  if ('missing' in binary) throw new UsageError(binary.missing)
  const relays = { this: startEmbeddedRelay, indigo: startIndigoRelay(binary.path) }
  const tours: Record<keyof typeof relays, Tour[]> = { this: [], indigo: [] }
  for (let i = 0; i < runs; i++)
    for (const name of ['this', 'indigo'] as const) tours[name].push(await tour(relays[name], flooded))
  const [ours, theirs] = [figures(tours.this), figures(tours.indigo)]
  return {
    bench: 'peers',
    tls: false,
    hosts: CORPUS.hosts,
    accounts: CORPUS.hosts * CORPUS.accountsPerHost,
    frameBytes: ours.flood.frameBytes,
    runs,
    warm: compare(ours.warm, theirs.warm),
    cold: compare(ours.cold, theirs.cold),
    flood: { this: ours.flood, indigo: theirs.flood, ...ratios(ours.flood, theirs.flood) },
    replay: { this: ours.replay, indigo: theirs.replay, ...ratios(ours.replay, theirs.replay) },
    furtherDelivery: { this: further(ours.warm), indigo: further(theirs.warm) },
    all: { this: tours.this.map(compact), indigo: tours.indigo.map(compact) },
  }
}

function figures(tours: readonly Tour[]) {
  return {
    flood: medianOf(tours.map(({ flood }) => flood)),
    warm: medianRows(tours.map(({ warm }) => warm)),
    cold: medianRows(tours.map(({ cold }) => cold)),
    replay: medianOf(tours.map(({ replay }) => replay)),
  }
}

/** Row by row. */
function medianRows(tours: readonly (readonly PacedRun[])[]): PacedRun[] {
  return (tours[0] ?? []).map((_, row) => medianOf(tours.map((rows) => rows[row] as PacedRun)))
}

function compare(ours: readonly PacedRun[], theirs: readonly PacedRun[]) {
  return ours.map((run, row) => {
    const other = theirs[row] as PacedRun
    const { rate, subscribers } = run
    return { rate, subscribers, ...ratios(run, other), this: run, indigo: other }
  })
}

function ratios(ours: { relayMicrosPerEvent: number }, theirs: { relayMicrosPerEvent: number }) {
  return { cpuRatio: round(ours.relayMicrosPerEvent / theirs.relayMicrosPerEvent, 2) }
}

/** CPU of one more delivery of an event, by rate. */
function further(rows: readonly PacedRun[]) {
  return rows
    .filter(({ subscribers }) => subscribers > 1)
    .map((many) => {
      const one = rows.find(({ rate, subscribers }) => rate === many.rate && subscribers === 1) as PacedRun
      const { rate, subscribers } = many
      return { rate, subscribers, micros: furtherDeliveryMicros(one, many) }
    })
}

/** A tour's figures, a line for each row: those of the relay, and whether the machine was left alone meanwhile. */
function compact({ flood, warm, cold, replay }: Tour): Record<string, unknown> {
  const line = (run: IngestRun | ReplayRun) =>
    `${run.eventsPerSecond}/s ${run.relayMicrosPerEvent} µs, others ${run.otherCores}, exact ${run.exact}`
  const row = (run: PacedRun) =>
    `${run.rate}/s × ${run.subscribers}: ${run.eventsPerSecond}/s ${run.relayMicrosPerEvent} µs, ${run.rssMiB} MiB, p50 ${run.p50Ms} p99 ${run.p99Ms} ms, others ${run.otherCores}, exact ${run.exact}`
  return { flood: line(flood), warm: warm.map(row), cold: cold.map(row), replay: line(replay) }
}

function medianOf<T extends object>(runs: readonly T[]): T {
  return medians(runs) as unknown as T
}
