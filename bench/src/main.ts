import { measureIngest } from './ingest.ts'
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
