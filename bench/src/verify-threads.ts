import { setImmediate } from 'node:timers/promises'
import { makeRealCommits } from '@bgs/protocol/testing/real-commits.ts'
import { VerifyPool } from '@bgs/verifier/verify/pool.ts'
import { readVerdict, type VerifyReply } from '@bgs/verifier/verify/reply.ts'
import type { VerifyItem } from '@bgs/verifier/verify/request.ts'
import { median, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { REAL_COMMITS } from './real-commits.ts'

/** What judging threads do with batches as a verifier hands them over; medians of runs. */
export interface VerifyThreadsRun {
  readonly threads: number
  readonly eventsPerSecond: number
  /** CPU of the judging threads for an event. */
  readonly threadMicrosPerEvent: number
  /** CPU of the thread that hands out batches and reads the verdicts. */
  readonly mainMicrosPerEvent: number
  /** Cores that something else on this machine kept busy: what they take, a second thread cannot have. */
  readonly otherCores: number
}

const BATCH = 64
const DISTINCT = 200
const CURVES = ['k256', 'p256'] as const
const HOST = 'pds.example.com'

/** So many batches for each number of threads, the frames of both curves in turn, as many at once as threads take. */
export async function measureVerifyThreads(
  counts: readonly number[],
  events: number,
): Promise<VerifyThreadsRun[]> {
  const { items, nowMs } = await prepareItems()
  const batches = Array.from({ length: Math.ceil(events / BATCH) }, (_, i) =>
    Array.from({ length: BATCH }, (_, n) => items[(i * BATCH + n) % items.length] as VerifyItem),
  )
  const runs: VerifyThreadsRun[] = []
  for (const threads of counts) {
    const pool = new VerifyPool({ threads, onFault: fail })
    // They are begun by the first large batch; and code is compiled by each thread for itself.
    for (const batch of batches) {
      if (pool.readyThreads === threads) break
      await pool.verify(batch, nowMs)
      await setImmediate()
    }
    await verifyAll(pool, batches, nowMs)
    const some: VerifyThreadsRun[] = []
    for (let i = 0; i < RUNS; i++) some.push(await measure(pool, threads, batches, nowMs))
    await pool.close()
    const of = (figure: keyof VerifyThreadsRun) => median(some.map((run) => run[figure]))
    runs.push({
      threads,
      eventsPerSecond: of('eventsPerSecond'),
      threadMicrosPerEvent: of('threadMicrosPerEvent'),
      mainMicrosPerEvent: of('mainMicrosPerEvent'),
      otherCores: of('otherCores'),
    })
  }
  return runs
}

async function measure(
  pool: VerifyPool,
  threads: number,
  batches: readonly VerifyItem[][],
  nowMs: number,
): Promise<VerifyThreadsRun> {
  const begun = performance.now()
  const meter = new Meter({})
  const [all, main] = [process.cpuUsage(), process.threadCpuUsage()]
  await verifyAll(pool, batches, nowMs)
  const allMicros = sum(process.cpuUsage(all))
  const mainMicros = sum(process.threadCpuUsage(main))
  const events = batches.length * BATCH
  return {
    threads,
    eventsPerSecond: Math.round((events * 1_000) / (performance.now() - begun)),
    threadMicrosPerEvent: round((allMicros - mainMicros) / events),
    mainMicrosPerEvent: round(mainMicros / events),
    otherCores: meter.read().otherCores,
  }
}

async function verifyAll(pool: VerifyPool, batches: readonly VerifyItem[][], nowMs: number): Promise<void> {
  const open = new Set<Promise<void>>()
  for (const batch of batches) {
    while (!pool.hasRoom) await Promise.race(open)
    const judged: Promise<void> = pool.verify(batch, nowMs).then((reply) => {
      expectPassed(reply, batch.length)
      open.delete(judged)
    })
    open.add(judged)
  }
  await Promise.all(open)
}

function expectPassed(reply: VerifyReply, count: number): void {
  for (let i = 0; i < count; i++) {
    const verdict = readVerdict(reply, i)
    if (verdict.reason !== null)
      throw new Error(`the generator made a bad commit: ${verdict.reason} ${verdict.detail}`)
  }
}

async function prepareItems(): Promise<{ items: VerifyItem[]; nowMs: number }> {
  const both = await Promise.all(
    CURVES.map((curve) => makeRealCommits({ ...REAL_COMMITS, curve, commits: DISTINCT })),
  )
  const items = Array.from({ length: DISTINCT }, (_, i) =>
    both.map(({ did, didKey, frames }, curve) => ({
      envelope: {
        type: '#commit' as const,
        did,
        host: HOST,
        epoch: 1,
        seq: i + 1,
        receivedMs: 0,
        lenient: false,
        frame: frames[i] as Uint8Array,
      },
      identity: {
        did,
        keyType: 'Multikey',
        keyMultibase: didKey.slice('did:key:'.length),
        pdsHost: HOST,
        handle: `${CURVES[curve]}.example.com`,
        digest: '',
      },
    })),
  ).flat()
  return { items, nowMs: Math.max(...both.map(({ nowMs }) => nowMs)) }
}

function fail(error: unknown): never {
  throw error
}

function sum({ user, system }: NodeJS.CpuUsage): number {
  return user + system
}
