import { type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { WARM_UP_EVENTS } from './ingest.ts'
import { medians, RUNS } from './medians.ts'
import { measurePaced, type PacedRun, placesOf } from './paced.ts'
import { Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

const SUBSCRIBERS = 10
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

/** `latency [SECONDS]`: so long at each rate. */
export async function benchLatency([seconds = 6]: readonly number[]): Promise<unknown> {
  const places = placesOf(prepareCorpus(CORPUS))
  await using scene = await Scene.start(startEmbeddedRelay, CORPUS)
  await using warming = await Readers.start(1)
  await warming.connect(scene.relay.url, null)
  await Promise.all([warming.reach(WARM_UP_EVENTS, DEADLINE_MS), scene.offer(WARM_UP_EVENTS)])
  await warming.close()
  const runs: PacedRun[] = []
  for (let i = 0; i < RUNS; i++)
    for (const rate of RATES)
      runs.push(await measurePaced(scene, places, { rate, events: rate * seconds, subscribers: SUBSCRIBERS }))
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
