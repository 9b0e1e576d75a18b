import { type Corpus, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { StreamModel } from '@bgs/simnet/model.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { JudgingSubscriber } from '@bgs/simnet/subscriber.ts'
import type { BenchCluster } from './cluster-run.ts'

const DEADLINE_MS = 300_000
const HOSTS = 20
const ACCOUNTS = 2_000

/** What draining a backlog took. */
export interface DrainRun {
  readonly verifiers: number
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
  /** CPU µs per event of each role, of all roles together (`node`), and of the broker. */
  readonly cpuMicrosPerEvent: Readonly<Record<string, number>>
  /** Every event once, in order per repo, bytes unchanged. */
  readonly exact: boolean
}

/** Hosts that have `events` to give, the roles, one judging subscriber; 16 partitions. */
export async function measureDrain(
  cluster: BenchCluster,
  options: { verifiers: number; events: number },
): Promise<DrainRun> {
  const { verifiers, events } = options
  const corpus = prepareCorpus({ seed: 1, hosts: HOSTS, accountsPerHost: ACCOUNTS / HOSTS, commits: events })
  await using source = await Source.start(corpus)
  await using run = await cluster.roles(source.env, verifiers)
  const subscriber = await JudgingSubscriber.connect({ url: run.url, cursor: 0, model: source.model })
  run.markCpu()
  await run.crawl()
  const started = performance.now()
  await subscriber.untilCaughtUp(DEADLINE_MS)
  const seconds = (performance.now() - started) / 1_000
  const cpu = run.cpuSeconds()
  const verdict = subscriber.verdict()
  await subscriber.close()
  const { broker = 0, ...roles } = cpu
  const node = Object.values(roles).reduce((sum, one) => sum + one, 0)
  const micros = Object.entries({ ...roles, node, broker }).map(([name, s]) => [
    name,
    round((s * 1e6) / events),
  ])
  return {
    verifiers,
    events,
    seconds: round(seconds),
    eventsPerSecond: Math.round(events / seconds),
    cpuMicrosPerEvent: Object.fromEntries(micros),
    exact: verdict.ok,
  }
}

/** Hosts with a corpus in their logs, and the directory that knows its accounts. */
export class Source implements AsyncDisposable {
  readonly model = new StreamModel()
  readonly env: Readonly<Record<string, string>>
  readonly #plc: PlcDirectory
  readonly #pdses: readonly SimPds[]

  private constructor(plc: PlcDirectory, pdses: readonly SimPds[]) {
    this.#plc = plc
    this.#pdses = pdses
    this.env = {
      RELAY_PLC_URL: plc.url,
      RELAY_HOSTS: pdses.map(({ endpoint }) => endpoint).join(','),
      RELAY_ALLOW_PRIVATE_HOSTS: 'true',
      RELAY_RAW_PARTITIONS: '16',
      RELAY_LOG_LEVEL: 'warn',
    }
  }

  static async start(corpus: Corpus): Promise<Source> {
    const plc = await PlcDirectory.start()
    const pdses = await Promise.all(Array.from({ length: HOSTS }, () => SimPds.start()))
    const source = new Source(plc, pdses)
    for (const [i, pds] of pdses.entries()) {
      const part = corpus.host(i)
      pds.loadCorpus(part)
      for (const event of part.expectedEvents()) source.model.add(event)
    }
    for (const record of corpus.didRecords(pdses.map(({ endpoint }) => endpoint))) plc.register(record)
    return source
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pdses.map((pds) => pds.close()))
    await this.#plc.close()
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
