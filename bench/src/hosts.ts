import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from './child.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { median, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import type { QuietHostsAnswers } from './quiet-hosts-process.ts'
import { embeddedRelay } from './relay-under-test.ts'
import { Source } from './source.ts'

/** What a relay with so many hosts needs while most of them say nothing. */
export interface HostsRun {
  readonly hosts: number
  /** Least of several looks while no host sends. */
  readonly idleRssMiB: number
  /** Percent of a core while no host sends; median of windows. */
  readonly idleCorePercent: number
  /** The same while some of them send 100 events a second between them. */
  readonly sending: number
  readonly sendingCorePercent: number
  readonly secondsToConnect: number
  /** Cores that something else on this machine kept busy, in each window. */
  readonly otherCores: readonly number[]
}

const SENDING_HOSTS = 20
const RATE = 100
const CONNECT_MS = 120_000
const SETTLE_MS = 5_000
/**
 * For a minute after they were asked for, here at the start, all hosts are read from the database twice a second: not
 * what an idle host costs. Of few it does not show, and is not waited for.
 */
const ASKED_MS = 62_000
const MANY_HOSTS = 2_000
const IDLE_MS = 3_000
const SENDING_SECONDS = 2
const WARM_UP_EVENTS = 200
/** Below the range of which outgoing connections take ports: thousands of them would take up any free one. */
const PORTS = { port: 21_370, opsPort: 21_371 }

/** Connects to so many hosts, waits, then lets some of them send. */
async function measureHosts(hosts: number): Promise<HostsRun> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const sending = Math.min(hosts, SENDING_HOSTS)
  const source = stack.use(await Source.start(corpusOf(sending)))
  const quiet = stack.use(new Child<QuietHostsAnswers>(new URL('./quiet-hosts-process.ts', import.meta.url)))
  const names = await quiet.ask('start', hosts - sending)
  const relay = stack.use(
    await embeddedRelay(PORTS)({
      folder,
      plcUrl: source.facts.plcUrl,
      hosts: [...source.facts.hosts, ...names],
    }),
  )
  const begun = performance.now()
  await quiet.ask('connected', CONNECT_MS)
  await source.connected()
  const secondsToConnect = round((performance.now() - begun) / 1_000)
  await source.pace(WARM_UP_EVENTS, RATE)
  await delay(Math.max(SETTLE_MS, hosts < MANY_HOSTS ? 0 : begun + ASKED_MS - performance.now()))
  const others: number[] = []
  const percentWhile = async (act: () => Promise<unknown>): Promise<number> => {
    const meter = new Meter({ relay, source, quiet })
    const since = performance.now()
    await act()
    const cpu = meter.read()
    others.push(cpu.otherCores)
    return (cpu.relay * 100_000) / (performance.now() - since)
  }
  const [idle, rss, busy]: [number[], number[], number[]] = [[], [], []]
  for (let i = 0; i < RUNS; i++) {
    idle.push(await percentWhile(() => delay(IDLE_MS)))
    rss.push(relay.rss())
  }
  for (let i = 0; i < RUNS; i++)
    busy.push(await percentWhile(() => source.pace(RATE * SENDING_SECONDS, RATE)))
  return {
    hosts,
    idleRssMiB: round(Math.min(...rss) / 2 ** 20),
    idleCorePercent: round(median(idle)),
    sending,
    sendingCorePercent: round(median(busy)),
    secondsToConnect,
    otherCores: others,
  }
}

function corpusOf(hosts: number) {
  const commits = WARM_UP_EVENTS + RUNS * RATE * SENDING_SECONDS
  return { seed: 6, hosts, accountsPerHost: 100 / hosts, commits, ...FRAME_SIZES['2.5 KB'] }
}

/** KB that each further host takes, against the run with fewest. */
export function kilobytesPerHost(
  few: Pick<HostsRun, 'hosts' | 'idleRssMiB'>,
  many: typeof few,
): number | null {
  if (many.hosts <= few.hosts) return null
  return round(((many.idleRssMiB - few.idleRssMiB) * 1_024) / (many.hosts - few.hosts))
}

/** `hosts [HOSTS…]`: each number a life of a relay; the first is what the others are held against. */
export async function benchHosts(given: readonly number[]): Promise<unknown> {
  const counts = given.length > 0 ? given : [1, 1_000, 5_000]
  const runs: HostsRun[] = []
  for (const hosts of counts) runs.push(await measureHosts(hosts))
  const [few] = runs as [HostsRun]
  return {
    bench: 'hosts',
    tls: false,
    eventsPerSecondWhileSending: RATE,
    rows: runs.map((run) => ({ ...run, kilobytesPerHost: kilobytesPerHost(few, run) })),
  }
}
