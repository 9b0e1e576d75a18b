import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareCorpus } from '@bgs/simnet/corpus.ts'
import { fillLog } from './filled-log.ts'
import { FRAME_SIZES, type FrameSize } from './frame-sizes.ts'
import { medians, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { isExact, Readers } from './readers.ts'
import { type RelayUnderTest, startEmbeddedRelay } from './relay-under-test.ts'

/** What one replay of a whole window to so many readers at once took. */
export interface ReplayRun {
  readonly readers: number
  /** Of the window; each reader gets all of them. */
  readonly events: number
  /** Of all readers together. */
  readonly eventsPerSecond: number
  readonly relayMicrosPerEvent: number
  readonly readersMicrosPerEvent: number
  /** Cores that something else on this machine kept busy. */
  readonly otherCores: number
  /** Every reader got each event, and as many bytes as every other. */
  readonly exact: boolean
}

const QUIET_MS = 300
const DEADLINE_MS = 180_000
/** Events in one append: what a relay that takes 2,000 a second finds to write at once. */
const PER_APPEND = 10
const NO_PLC = 'http://localhost:9'

/** Readers that come with cursor 0 to a relay that has nothing else to do. */
export async function measureReplay(
  relay: RelayUnderTest,
  { readers: count, events }: { readers: number; events: number },
): Promise<ReplayRun> {
  await using readers = await Readers.start(count)
  const meter = new Meter({ relay, readers })
  await readers.connect(relay.url, 0)
  const endMs = await readers.reach(events, DEADLINE_MS)
  const cpu = meter.read()
  const got = await readers.settle(QUIET_MS)
  const all = events * count
  return {
    readers: count,
    events,
    eventsPerSecond: Math.round((all * 1_000) / (endMs - readers.begunMs)),
    relayMicrosPerEvent: round((cpu.relay * 1e6) / all, 2),
    readersMicrosPerEvent: round((cpu.readers * 1e6) / all, 2),
    otherCores: cpu.otherCores,
    exact: isExact(got, events),
  }
}

/** `replay [EVENTS [EVENTS PER APPEND]]` */
export async function benchReplay([
  events = 200_000,
  perAppend = PER_APPEND,
]: readonly number[]): Promise<unknown> {
  const windows = [
    await windowOf('2.5 KB', events, perAppend),
    await windowOf('5 KB', Math.ceil(events / 2), perAppend),
  ]
  return { bench: 'replay', tls: false, perAppend, windows }
}

async function windowOf(frames: FrameSize, commits: number, perAppend: number): Promise<unknown> {
  const corpus = prepareCorpus({ seed: 4, hosts: 20, accountsPerHost: 10, commits, ...FRAME_SIZES[frames] })
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const { events, bytes } = await fillLog(folder, corpus, perAppend)
  const relay = stack.use(await startEmbeddedRelay({ folder, plcUrl: NO_PLC, hosts: [] }))
  const rows = []
  for (const readers of [1, 8]) {
    const runs: ReplayRun[] = []
    for (let i = 0; i < RUNS; i++) runs.push(await measureReplay(relay, { readers, events }))
    rows.push({
      ...medians(runs),
      all: runs.map(
        (run) => `${run.eventsPerSecond} ${run.relayMicrosPerEvent} ${run.otherCores} ${run.exact}`,
      ),
    })
  }
  return {
    frames,
    frameBytes: Math.round(bytes / events),
    rows,
    peakRssMiB: Math.round(relay.peakRss() / 2 ** 20),
  }
}
