import { type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { WARM_UP_EVENTS } from './ingest.ts'
import { placesOf } from './paced.ts'
import { Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

const DEADLINE_MS = 60_000
/** The same as `ingest` has by default, so that one prepared corpus serves both. */
const CORPUS: CorpusOptions = {
  seed: 1,
  hosts: 20,
  accountsPerHost: 100,
  commits: 120_000,
  ...FRAME_SIZES['2.5 KB'],
}

/** An embedded relay that knows its accounts and has run for a while; and the number of each event by repo and rev. */
export async function startWarmScene(): Promise<{ scene: Scene; places: ReadonlyMap<string, number> }> {
  const places = placesOf(prepareCorpus(CORPUS))
  await using owned = new AsyncDisposableStack()
  const scene = owned.use(await Scene.start(startEmbeddedRelay, CORPUS))
  await using warming = await Readers.start(1)
  await warming.connect(scene.relay.url, null)
  await Promise.all([warming.reach(WARM_UP_EVENTS, DEADLINE_MS), scene.offer(WARM_UP_EVENTS)])
  owned.move()
  return { scene, places }
}
