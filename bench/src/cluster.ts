import { setTimeout as delay } from 'node:timers/promises'
import { type Corpus, prepareCorpus } from '@bgs/simnet/corpus.ts'
import type { LogEntry } from '@bgs/simnet/event-log.ts'
import { type ExpectedEvent, StreamModel } from '@bgs/simnet/model.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
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
  /** Of the verifiers alone, once they are warm. */
  readonly warmVerifierMicrosPerEvent: number
  /** Every event once, in order per repo, bytes unchanged. */
  readonly exact: boolean
}

/** Share of the events with which processes compile their code: about 1.7 s of CPU for a verifier. */
const WARM_UP_SHARE = 0.4

/** Hosts that have `events` to give, the roles, one judging subscriber; 16 partitions. */
export async function measureDrain(
  cluster: BenchCluster,
  options: { verifiers: number; events: number },
): Promise<DrainRun> {
  const { verifiers, events } = options
  const corpus = prepareCorpus({ seed: 1, hosts: HOSTS, accountsPerHost: ACCOUNTS / HOSTS, commits: events })
  await using source = await Source.start(corpus)
  await using run = await cluster.roles(source.env, verifiers)
  const subscriber = await CheckingSubscriber.connect({ url: run.url, cursor: 0, model: source.model })
  run.markCpu()
  await run.crawl()
  const started = performance.now()
  await subscriber.until(() => subscriber.received >= events * WARM_UP_SHARE, DEADLINE_MS)
  const cold = run.cpuSeconds()
  const warmFrom = subscriber.received
  await subscriber.untilCaughtUp(DEADLINE_MS)
  const seconds = (performance.now() - started) / 1_000
  const cpu = run.cpuSeconds()
  const verdict = subscriber.verdict()
  await subscriber.close()
  return {
    verifiers,
    events,
    seconds: round(seconds),
    eventsPerSecond: Math.round(events / seconds),
    cpuMicrosPerEvent: microsPerEvent(cpu, events),
    warmVerifierMicrosPerEvent: round(
      (((cpu['verifier'] ?? 0) - (cold['verifier'] ?? 0)) * 1e6) / (events - warmFrom),
    ),
    exact: verdict.ok,
  }
}

/** Times from a host's send to the subscriber's receive, at a steady rate. */
export interface LatencyRun {
  readonly verifiers: number
  readonly offeredPerSecond: number
  readonly receivedPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly cpuMicrosPerEvent: Readonly<Record<string, number>>
  readonly exact: boolean
}

/** What comes in the first seconds finds no identity cached: it is left out. */
const WARM_UP_MS = 4_000
const STEP_MS = 5
const LATENCY_ACCOUNTS = 400

/** Hosts that send `rate` events a second between them for so long. */
export async function measureLatency(
  cluster: BenchCluster,
  options: { verifiers: number; rate: number; seconds: number },
): Promise<LatencyRun> {
  const { verifiers, rate, seconds } = options
  const commits = Math.ceil(rate * (seconds + WARM_UP_MS / 1_000))
  const corpus = prepareCorpus({ seed: 2, hosts: HOSTS, accountsPerHost: LATENCY_ACCOUNTS / HOSTS, commits })
  await using source = await Source.start(corpus, false)
  await using run = await cluster.roles(source.env, verifiers)
  await run.crawl()
  const subscriber = await CheckingSubscriber.connect({ url: run.url, cursor: 0, model: source.model })
  run.markCpu()
  const begun = performance.now()
  for (let sent = 0; sent < commits; await delay(STEP_MS)) {
    const due = Math.min(commits, Math.floor(((performance.now() - begun) / 1_000) * rate))
    for (; sent < due; sent++) source.sendNext()
  }
  const took = performance.now() - begun
  await subscriber.untilCaughtUp(DEADLINE_MS)
  const cpu = run.cpuSeconds()
  const late = subscriber.checker
    .latencies(({ sentAt }) => sentAt > begun + WARM_UP_MS)
    .toSorted((a, b) => a - b)
  const verdict = subscriber.verdict()
  await subscriber.close()
  const at = (share: number) =>
    round(late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? Number.NaN)
  return {
    verifiers,
    offeredPerSecond: rate,
    receivedPerSecond: Math.round((commits / took) * 1_000),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    cpuMicrosPerEvent: microsPerEvent(cpu, commits),
    exact: verdict.ok,
  }
}

function microsPerEvent(cpu: Readonly<Record<string, number>>, events: number): Record<string, number> {
  const { broker = 0, ...roles } = cpu
  const node = Object.values(roles).reduce((sum, one) => sum + one, 0)
  return Object.fromEntries(
    Object.entries({ ...roles, node, broker }).map(([name, seconds]) => [
      name,
      round((seconds * 1e6) / events),
    ]),
  )
}

/** Hosts with a corpus in their logs, and the directory that knows its accounts. */
class Source implements AsyncDisposable {
  readonly model = new StreamModel()
  readonly env: Readonly<Record<string, string>>
  readonly #plc: PlcDirectory
  readonly #pdses: readonly SimPds[]
  readonly #unsent: { pds: SimPds; entry: LogEntry; event: ExpectedEvent }[][] = []

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

  /** With `loaded` the hosts have everything to give at once, else what `sendNext` gives. */
  static async start(corpus: Corpus, loaded = true): Promise<Source> {
    const plc = await PlcDirectory.start()
    const pdses = await Promise.all(Array.from({ length: HOSTS }, () => SimPds.start()))
    const source = new Source(plc, pdses)
    for (const [i, pds] of pdses.entries()) {
      const part = corpus.host(i)
      const events = [...part.expectedEvents()]
      for (const event of events) source.model.add(event)
      if (loaded) pds.loadCorpus(part)
      else
        source.#unsent.push(
          [...part.entries()].map((entry, n) => ({ pds, entry, event: events[n] as ExpectedEvent })),
        )
    }
    for (const record of corpus.didRecords(pdses.map(({ endpoint }) => endpoint))) plc.register(record)
    return source
  }

  /** The next host sends its next event. */
  sendNext(): void {
    const queue = this.#unsent.shift()
    const next = queue?.shift()
    if (queue === undefined || next === undefined) return
    if (queue.length > 0) this.#unsent.push(queue)
    next.event.sentAt = performance.now()
    next.pds.release(next.entry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pdses.map((pds) => pds.close()))
    await this.#plc.close()
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
