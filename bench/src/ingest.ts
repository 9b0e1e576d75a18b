import { setTimeout as delay } from 'node:timers/promises'
import { type Corpus, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { StreamModel } from '@bgs/simnet/model.ts'
import { FRAME_SIZES, type FrameSize } from './frame-sizes.ts'
import { KeptStream } from './kept-stream.ts'
import { medians, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { RawSubscription } from './raw-subscription.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

/** What one ingest run took. */
export interface IngestRun {
  readonly events: number
  readonly frameBytes: number
  readonly eventsPerSecond: number
  /** Once accounts are known and code is compiled. */
  readonly relayMicrosPerEvent: number
  /** From the start of the process, with everything that is met for the first time. */
  readonly wholeMicrosPerEvent: number
  readonly hostsMicrosPerEvent: number
  readonly peakRssMiB: number
  /** Cores that something else on this machine kept busy. */
  readonly otherCores: number
  /** Every event once, in order per repo, bytes unchanged. */
  readonly exact: boolean
}

/** Before the clock starts: accounts are met for the first time, code is compiled. */
export const WARM_UP_EVENTS = 20_000
/** From the answer to the handshake until a relay has really subscribed its client. */
const SUBSCRIBED_MS = 500
const DEADLINE_MS = 300_000

/** Hosts that send as fast as they can, one subscriber whose bytes are checked afterwards. First on its scene. */
export async function measureIngest(scene: Scene, corpus: Corpus, events: number): Promise<IngestRun> {
  const { source, relay } = scene
  const all = WARM_UP_EVENTS + events
  const stream = new KeptStream()
  const subscriber = await RawSubscription.connect({ url: relay.url, cursor: null, onChunk: stream.keep })
  await delay(SUBSCRIBED_MS)
  await reached(subscriber, WARM_UP_EVENTS, scene.offer(WARM_UP_EVENTS))
  const meter = new Meter({ relay, source })
  const seconds = await reached(subscriber, all, scene.offer(events))
  const cpu = meter.read()
  const whole = relay.cpuSeconds()
  await delay(SUBSCRIBED_MS)
  subscriber.close()
  return {
    events,
    frameBytes: source.meanFrameBytes,
    eventsPerSecond: Math.round(events / seconds),
    relayMicrosPerEvent: round((cpu.relay * 1e6) / events),
    wholeMicrosPerEvent: round((whole * 1e6) / all),
    hostsMicrosPerEvent: round((cpu.source * 1e6) / events),
    peakRssMiB: Math.round(relay.peakRss() / 2 ** 20),
    otherCores: cpu.otherCores,
    exact: stream.checker(modelOf(corpus, all)).ok,
  }
}

/** Seconds from the offer until so many messages have come in all. */
async function reached(
  subscriber: RawSubscription,
  messages: number,
  offered: Promise<number>,
): Promise<number> {
  const late = delay(DEADLINE_MS, Number.NaN, { ref: false })
  const [endMs, begunMs] = await Promise.all([Promise.race([subscriber.reaches(messages), late]), offered])
  if (Number.isNaN(endMs))
    throw new Error(`${subscriber.messages} of ${messages} messages came within ${DEADLINE_MS} ms`)
  return (endMs - begunMs) / 1_000
}

/** What should come of the first events of a corpus, its hosts in turn. */
function modelOf(corpus: Corpus, events: number): StreamModel {
  const model = new StreamModel()
  for (let host = 0; host < corpus.hostCount; host++) {
    const share = Math.ceil((events - host) / corpus.hostCount)
    for (const event of [...corpus.host(host).expectedEvents()].slice(0, share)) model.add(event)
  }
  return model
}

/** `ingest [HOSTS ACCOUNTS EVENTS]` */
export async function benchIngest([
  hosts = 20,
  accounts = 2_000,
  events = 100_000,
]: readonly number[]): Promise<unknown> {
  const sizes = []
  for (const frames of ['2.5 KB', '5 KB'] as const) {
    const runs: IngestRun[] = []
    const some = frames === '5 KB' ? Math.min(accounts, 10 * hosts) : accounts
    for (let i = 0; i < RUNS; i++) runs.push(await ingestOnce(frames, hosts, some, events))
    sizes.push({
      frames,
      accounts: some,
      ...medians(runs),
      all: runs.map(
        (run) => `${run.eventsPerSecond} ${run.relayMicrosPerEvent} ${run.otherCores} ${run.exact}`,
      ),
    })
  }
  return { bench: 'ingest', tls: false, hosts, sizes }
}

async function ingestOnce(
  frames: FrameSize,
  hosts: number,
  accounts: number,
  events: number,
): Promise<IngestRun> {
  const commits = WARM_UP_EVENTS + events
  const options = { seed: 1, hosts, accountsPerHost: accounts / hosts, commits, ...FRAME_SIZES[frames] }
  await using scene = await Scene.start(startEmbeddedRelay, options)
  return await measureIngest(scene, prepareCorpus(options), events)
}
