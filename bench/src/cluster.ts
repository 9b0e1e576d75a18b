import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { BenchCluster, type ClusterRun, type RoleName } from './cluster-run.ts'
import { ClusterSource } from './cluster-source.ts'
import { FRAME_SIZES } from './frame-sizes.ts'
import { medians, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { percentile } from './percentile.ts'

/** What real networks have, and for how long each is offered. */
const RATES = [
  { rate: 300, seconds: 20 },
  { rate: 500, seconds: 15 },
  { rate: 2_000, seconds: 8 },
] as const
const VERIFIERS = [1, 2, 4] as const
/** Of a flood, the share with which processes compile their code and look identities up: it is a row of its own. */
const COLD_SHARE = 0.4
const SILENCE_MS = 5_000
const DEADLINE_MS = 300_000
const CORPUS = { seed: 5, hosts: 20, accountsPerHost: 100, ...FRAME_SIZES['2.5 KB'] }

/** What some events took in a cluster whose hosts send at a rate, or all at once. */
interface ClusterRow {
  /** Cold: the first events of all processes. */
  readonly state: 'cold' | 'warm'
  readonly offered: number | 'flood'
  readonly events: number
  readonly eventsPerSecond: number
  /** Of each role over all its processes, of all roles, and of the broker. */
  readonly cpuMicrosPerEvent: Readonly<Record<RoleName | 'roles' | 'broker', number>>
  /** Of the largest process of each role, at its end. */
  readonly rssMiB: Readonly<Record<RoleName, number>>
  readonly p50Ms: number
  readonly p99Ms: number
  /** Cores that others on this machine kept busy: the database, Redis, and whatever else runs. */
  readonly otherCores: number
}

interface Tour {
  readonly rows: readonly ClusterRow[]
  /** Every event once, in order per repo, bytes unchanged. */
  readonly exact: boolean
}

/** `cluster [EVENTS [RUNS]]`: floods and steady rates through the roles, by the number of verifiers; medians. */
export async function benchCluster([flooded = 100_000, runs = RUNS]: readonly number[]): Promise<unknown> {
  await using cluster = await BenchCluster.start()
  // A broker's JVM compiles what it does often: that is not what an event costs.
  await warmTour(cluster, 1, flooded)
  const tours = new Map<string, Tour[]>()
  const note = (name: string, tour: Tour) => tours.set(name, [...(tours.get(name) ?? []), tour])
  for (let run = 0; run < runs; run++) {
    for (const verifiers of VERIFIERS) note(`${verifiers}`, await warmTour(cluster, verifiers, flooded))
    note('cold', await coldTour(cluster))
  }
  const [cold = [], ...warm] = ['cold', ...VERIFIERS.map(String)].map((name) => tours.get(name) ?? [])
  return {
    bench: 'cluster',
    tls: false,
    partitions: 16,
    hosts: CORPUS.hosts,
    accounts: CORPUS.hosts * CORPUS.accountsPerHost,
    cores: availableParallelism(),
    runs,
    oneLife: warm.map((all, i) => ({ verifiers: VERIFIERS[i], rows: medianRows(all) })),
    cold: { verifiers: 1, rows: medianRows(cold) },
    exact: [...tours.values()].flat().every(({ exact }) => exact),
    all: Object.fromEntries([...tours].map(([name, all]) => [name, all.map(({ rows }) => rows.map(line))])),
  }
}

/** One life of all processes: a flood in two parts, a silence, each rate. */
async function warmTour(cluster: BenchCluster, verifiers: number, flooded: number): Promise<Tour> {
  const paced = RATES.reduce((sum, { rate, seconds }) => sum + rate * seconds, 0)
  await using scene = await ClusterScene.start(cluster, verifiers, { ...CORPUS, commits: flooded + paced })
  const coldEvents = Math.round(flooded * COLD_SHARE)
  const rows = [await scene.flood('cold', coldEvents), await scene.flood('warm', flooded - coldEvents)]
  await delay(SILENCE_MS)
  for (const { rate, seconds } of RATES) rows.push(await scene.pace('warm', rate * seconds, rate))
  return { rows, exact: scene.isExact }
}

/** A life for each rate: its first events. */
async function coldTour(cluster: BenchCluster): Promise<Tour> {
  const rows: ClusterRow[] = []
  let exact = true
  for (const { rate, seconds } of RATES) {
    await using scene = await ClusterScene.start(cluster, 1, { ...CORPUS, commits: rate * seconds })
    rows.push(await scene.pace('cold', rate * seconds, rate))
    exact &&= scene.isExact
  }
  return { rows, exact }
}

/** Hosts, the roles, and one judging subscriber. */
class ClusterScene implements AsyncDisposable {
  readonly #source: ClusterSource
  readonly #run: ClusterRun
  readonly #subscriber: CheckingSubscriber

  private constructor(source: ClusterSource, run: ClusterRun, subscriber: CheckingSubscriber) {
    this.#source = source
    this.#run = run
    this.#subscriber = subscriber
  }

  static async start(
    cluster: BenchCluster,
    verifiers: number,
    options: CorpusOptions,
  ): Promise<ClusterScene> {
    const source = await ClusterSource.start(prepareCorpus(options))
    const run = await cluster.roles(source.env, verifiers)
    const subscriber = await CheckingSubscriber.connect({ url: run.url, cursor: 0, model: source.model })
    return new ClusterScene(source, run, subscriber)
  }

  /** Once all that the hosts have was sent. */
  get isExact(): boolean {
    return this.#subscriber.verdict().ok
  }

  flood(state: ClusterRow['state'], events: number): Promise<ClusterRow> {
    return this.#measure(state, 'flood', events, () => this.#source.give(events))
  }

  pace(state: ClusterRow['state'], events: number, rate: number): Promise<ClusterRow> {
    return this.#measure(state, rate, events, () => this.#source.pace(events, rate))
  }

  async #measure(
    state: ClusterRow['state'],
    offered: ClusterRow['offered'],
    events: number,
    send: () => void | Promise<void>,
  ): Promise<ClusterRow> {
    const meter = new Meter(this.#run.metered)
    const begunMs = performance.now()
    await send()
    await this.#subscriber.until(() => this.#subscriber.received >= this.#source.sent, DEADLINE_MS)
    const seconds = (performance.now() - begunMs) / 1_000
    const { otherCores, ...cpu } = meter.read()
    const millis = this.#subscriber.checker.latencies(({ sentAt }) => sentAt >= begunMs).sort((a, b) => a - b)
    const micros = (of: number) => round((of * 1e6) / events)
    const { crawler, verifier, sequencer, fanout, broker } = cpu
    return {
      state,
      offered,
      events,
      eventsPerSecond: Math.round(events / seconds),
      cpuMicrosPerEvent: {
        crawler: micros(crawler),
        verifier: micros(verifier),
        sequencer: micros(sequencer),
        fanout: micros(fanout),
        roles: micros(crawler + verifier + sequencer + fanout),
        broker: micros(broker),
      },
      rssMiB: this.#run.rssMiB(),
      p50Ms: round(percentile(millis, 0.5)),
      p99Ms: round(percentile(millis, 0.99)),
      otherCores,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscriber.close()
    await this.#run[Symbol.asyncDispose]()
    await this.#source[Symbol.asyncDispose]()
  }
}

/** Row by row, figure by figure. */
function medianRows(tours: readonly Tour[]): ClusterRow[] {
  return (tours[0]?.rows ?? []).map(
    (_, row) => medians(tours.map(({ rows }) => rows[row] as ClusterRow)) as unknown as ClusterRow,
  )
}

function line({ state, offered, eventsPerSecond, cpuMicrosPerEvent, rssMiB, ...rest }: ClusterRow): string {
  const { roles, broker, ...each } = cpuMicrosPerEvent
  const of = (figures: object) =>
    Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')
  return `${state} ${offered}: ${eventsPerSecond}/s, µs: roles ${roles} (${of(each)}), broker ${broker}; MiB: ${of(rssMiB)}; p50 ${rest.p50Ms} p99 ${rest.p99Ms} ms, others ${rest.otherCores}`
}
