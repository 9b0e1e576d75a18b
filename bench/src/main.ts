import { availableParallelism } from 'node:os'
import { measureAccounts } from './accounts.ts'
import { type DrainRun, type LatencyRun, measureDrain, measureLatency } from './cluster.ts'
import { BenchCluster } from './cluster-run.ts'
import { measureCompression } from './compression.ts'
import { measureIngest } from './ingest.ts'
import { measureState } from './state.ts'
import { measureVerify } from './verify.ts'

/** `npm run bench -- NAME [numbers]`: prints JSON. Every figure is a median of three runs. */
const RUNS = 3

const BENCHMARKS: Readonly<Record<string, (args: readonly number[]) => Promise<unknown>>> = {
  ingest: async ([hosts = 20, accounts = 2_000, commits = 100_000]) => {
    const runs = []
    for (let i = 0; i < RUNS; i++) runs.push(await measureIngest({ hosts, accounts, commits }))
    return {
      bench: 'ingest',
      tls: false,
      hosts,
      accounts,
      runs: runs.length,
      median: medians(runs),
      all: runs,
    }
  },
  cluster: async ([events = 100_000]) => {
    await using cluster = await BenchCluster.start()
    // A broker's JVM compiles what it does often: that is not what an event costs.
    await measureDrain(cluster, { verifiers: 1, events })
    const drains: DrainRun[] = []
    for (const verifiers of [1, 2, 4])
      for (let i = 0; i < RUNS; i++) drains.push(await measureDrain(cluster, { verifiers, events }))
    const latencies: LatencyRun[] = []
    for (const verifiers of [1, 2, 4])
      for (const rate of [500, 2_000])
        latencies.push(await measureLatency(cluster, { verifiers, rate, seconds: 12 }))
    const drain = [1, 2, 4].map((verifiers) => median(drains.filter((run) => run.verifiers === verifiers)))
    return {
      bench: 'cluster',
      partitions: 16,
      cores: availableParallelism(),
      tls: false,
      drain,
      latencies,
      all: drains,
    }
  },
  compression: async ([commits = 20_000]) => ({
    bench: 'compression',
    commits,
    ways: measureCompression(commits),
  }),
  state: async ([few = 100_000, many = 10_000_000]) => ({
    bench: 'state',
    runs: await measureState([few, many]),
  }),
  accounts: async ([few = 10_000, many = 1_000_000]) => ({
    bench: 'accounts',
    runs: await measureAccounts([few, many]),
  }),
  verify: async ([commits = 10_000]) => ({
    bench: 'verify',
    threads: 1,
    k256: await measureVerify({ commits, curve: 'k256' }),
    p256: await measureVerify({ commits, curve: 'p256' }),
  }),
}

const [name = '', ...rest] = process.argv.slice(2)
const run = BENCHMARKS[name]
if (run === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [numbers]\n`)
  process.exit(2)
}
process.stdout.write(`${JSON.stringify(await run(rest.map(Number)), null, 2)}\n`)
process.exit(0)

/** The run in the middle, by the CPU of all roles. */
function median(runs: readonly DrainRun[]): DrainRun | undefined {
  const node = (run: DrainRun) => run.cpuMicrosPerEvent['node'] ?? 0
  return runs.toSorted((a, b) => node(a) - node(b))[Math.floor(runs.length / 2)]
}

function medians<T extends object>(runs: readonly T[]): Record<string, unknown> {
  const [first] = runs
  if (first === undefined) return {}
  return Object.fromEntries(
    Object.entries(first).map(([key, value]) => {
      const all = runs.map((one) => (one as Record<string, unknown>)[key])
      if (typeof value !== 'number') return [key, all.every((one) => one === value) ? value : all]
      return [key, (all as number[]).toSorted((a, b) => a - b)[Math.floor(all.length / 2)]]
    }),
  )
}
