import { availableParallelism } from 'node:os'
import { measureAccounts } from './accounts.ts'
import { type DrainRun, type LatencyRun, measureDrain, measureLatency } from './cluster.ts'
import { BenchCluster } from './cluster-run.ts'
import { measureCompression } from './compression.ts'
import { benchFanout } from './fanout.ts'
import { benchHosts } from './hosts.ts'
import { benchIngest } from './ingest.ts'
import { benchLatency } from './latency.ts'
import { RUNS } from './medians.ts'
import { benchMemory } from './memory.ts'
import { benchPeers } from './peers.ts'
import { benchReplay } from './replay.ts'
import { measureState } from './state.ts'
import { benchSubscribers } from './subscribers.ts'
import { benchTls } from './tls.ts'
import { UsageError } from './usage-error.ts'
import { benchVerify } from './verify.ts'

/** `npm run bench -- NAME [numbers]`: prints JSON. */
const BENCHMARKS: Readonly<Record<string, (numbers: readonly number[]) => Promise<unknown>>> = {
  ingest: benchIngest,
  fanout: benchFanout,
  replay: benchReplay,
  latency: benchLatency,
  hosts: benchHosts,
  subscribers: benchSubscribers,
  memory: benchMemory,
  tls: benchTls,
  peers: benchPeers,
  cluster: async ([events = 100_000]) => {
    await using cluster = await BenchCluster.start()
    // A broker's JVM compiles what it does often: that is not what an event costs.
    await measureDrain(cluster, { verifiers: 1, events })
    const drains: DrainRun[] = []
    for (const verifiers of [1, 2, 4])
      for (let i = 0; i < RUNS; i++) drains.push(await measureDrain(cluster, { verifiers, events }))
    const latencies: LatencyRun[] = []
    for (const verifiers of [1, 2, 4])
      for (const rate of [300, 500, 2_000])
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
  verify: benchVerify,
}

const [name = '', ...rest] = process.argv.slice(2)
const run = BENCHMARKS[name]
if (run === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [numbers]\n`)
  process.exit(2)
}
try {
  process.stdout.write(`${JSON.stringify(await run(rest.map(Number)), null, 2)}\n`)
  process.exit(0)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}

/** The run in the middle, by the CPU of all roles. */
function median(runs: readonly DrainRun[]): DrainRun | undefined {
  const node = (run: DrainRun) => run.cpuMicrosPerEvent['node'] ?? 0
  return runs.toSorted((a, b) => node(a) - node(b))[Math.floor(runs.length / 2)]
}
