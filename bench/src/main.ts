import { measureAccounts } from './accounts.ts'
import { benchCluster } from './cluster.ts'
import { measureCompression } from './compression.ts'
import { benchFanout } from './fanout.ts'
import { benchHosts } from './hosts.ts'
import { benchIngest } from './ingest.ts'
import { benchLatency } from './latency.ts'
import { benchMemory } from './memory.ts'
import { benchPeers } from './peers.ts'
import { benchReplay } from './replay.ts'
import { measureState } from './state.ts'
import { benchSubscribers } from './subscribers.ts'
import { benchSurge } from './surge.ts'
import { benchTls } from './tls.ts'
import { UsageError } from './usage-error.ts'
import { benchVerify } from './verify.ts'

/** `npm run bench -- NAME [numbers]`: prints JSON. */
const BENCHMARKS: Readonly<Record<string, (numbers: readonly number[]) => Promise<unknown>>> = {
  ingest: benchIngest,
  fanout: benchFanout,
  replay: benchReplay,
  latency: benchLatency,
  surge: benchSurge,
  hosts: benchHosts,
  subscribers: benchSubscribers,
  memory: benchMemory,
  tls: benchTls,
  peers: benchPeers,
  cluster: benchCluster,
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
