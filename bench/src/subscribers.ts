import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { median, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'

/** What subscribers with nothing to read take of a relay, in one life of it. */
interface SubscribersRun {
  readonly kilobytesEach: number
  /** Percent of a core with nobody connected, and with all of them. */
  readonly alonePercent: number
  readonly idlePercent: number
  /** Cores that something else on this machine kept busy meanwhile. */
  readonly otherCores: number
}

/** The first ones live in memory that the start of the process has left: only those after them are counted. */
const FIRST = 1_000
const IDLE_MS = 4_000
const NO_PLC = 'http://localhost:9'

/** Connects so many live subscribers, beyond the first, to a relay that has no hosts. */
async function measureSubscribers(subscribers: number): Promise<SubscribersRun> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const relay = stack.use(await startEmbeddedRelay({ folder, plcUrl: NO_PLC, hosts: [] }))
  const first = stack.use(await Readers.start(FIRST))
  const readers = stack.use(await Readers.start(subscribers))
  const idle = async () => {
    const meter = new Meter({ relay, first, readers })
    await delay(IDLE_MS)
    const { relay: seconds, otherCores } = meter.read()
    return { percent: round((seconds * 100_000) / IDLE_MS), otherCores, rss: relay.rss() }
  }
  const alone = await idle()
  await first.connect(relay.url, null)
  const before = await idle()
  await readers.connect(relay.url, null)
  const after = await idle()
  return {
    kilobytesEach: round((after.rss - before.rss) / 1_024 / subscribers),
    alonePercent: alone.percent,
    idlePercent: after.percent,
    otherCores: after.otherCores,
  }
}

/** `subscribers [SUBSCRIBERS]` */
export async function benchSubscribers([subscribers = 3_000]: readonly number[]): Promise<unknown> {
  const runs: SubscribersRun[] = []
  for (let i = 0; i < RUNS; i++) runs.push(await measureSubscribers(subscribers))
  const of = (figure: keyof SubscribersRun) => median(runs.map((run) => run[figure]))
  return {
    bench: 'subscribers',
    tls: false,
    first: FIRST,
    further: subscribers,
    kilobytesEach: of('kilobytesEach'),
    alonePercent: of('alonePercent'),
    idlePercent: of('idlePercent'),
    all: runs,
  }
}
