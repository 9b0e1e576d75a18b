import { median, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { Readers } from './readers.ts'
import { startEmbeddedRelay } from './relay-under-test.ts'
import { Scene } from './scene.ts'

/** A whole relay that knows so many accounts: its memory, and what an event of a known one costs. */
interface MemoryRun {
  readonly accounts: number
  readonly startRssMiB: number
  /** When the last account has been met, and after the events that followed. */
  readonly knownRssMiB: number
  readonly rssMiB: number
  readonly peakRssMiB: number
  /** CPU of an account's first event, with the look at the directory. */
  readonly firstEventMicros: number
  /** CPU of an event of an account that is known; median of stretches. */
  readonly relayMicrosPerEvent: number
  /** Cores that something else on this machine kept busy, when accounts were met and in each stretch. */
  readonly otherCores: readonly number[]
}

const HOSTS = 20
/** Events of known accounts in each stretch, of as many accounts as there are, the one that was silent longest first. */
const STRETCH = 10_000
/** Small repos and records: what accounts take is asked here, not what frames do. */
const SMALL = { recordSize: 300, seedRecords: 10 } as const
const DEADLINE_MS = 600_000
/** One whose 100,000 DIDs are all different: they come of 32 bits each, and most seeds draw some of them twice. */
const SEED = 5

/** Every account sends an event as fast as the relay reads, then they go on in turn. */
async function measureMemory(accounts: number): Promise<MemoryRun> {
  const commits = accounts + RUNS * STRETCH
  const corpus = {
    seed: SEED,
    hosts: HOSTS,
    accountsPerHost: accounts / HOSTS,
    commits,
    inTurn: true,
    ...SMALL,
  }
  await using scene = await Scene.start(startEmbeddedRelay, corpus)
  const { relay, source } = scene
  const startRssMiB = mebibytes(relay.rss())
  await using readers = await Readers.start(1)
  await readers.connect(relay.url, 0)
  const others: number[] = []
  const microsOf = async (events: number): Promise<number> => {
    await readers.mark()
    const meter = new Meter({ relay, source, readers })
    await Promise.all([readers.reach(events, DEADLINE_MS), scene.offer(events)])
    const cpu = meter.read()
    others.push(cpu.otherCores)
    return (cpu.relay * 1e6) / events
  }
  const firstEventMicros = round(await microsOf(accounts))
  const knownRssMiB = mebibytes(relay.rss())
  const stretches: number[] = []
  for (let i = 0; i < RUNS; i++) stretches.push(await microsOf(STRETCH))
  return {
    accounts,
    startRssMiB,
    knownRssMiB,
    rssMiB: mebibytes(relay.rss()),
    peakRssMiB: mebibytes(relay.peakRss()),
    firstEventMicros,
    relayMicrosPerEvent: round(median(stretches)),
    otherCores: others,
  }
}

/** `memory [ACCOUNTS…]`: each number a life of a relay. */
export async function benchMemory(given: readonly number[]): Promise<unknown> {
  const rows: MemoryRun[] = []
  for (const accounts of given.length > 0 ? given : [10_000, 100_000])
    rows.push(await measureMemory(accounts))
  return { bench: 'memory', tls: false, hosts: HOSTS, rows }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
