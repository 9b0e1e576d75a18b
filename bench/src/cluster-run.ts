import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'
import { cpuOf } from './process-cpu.ts'

export type RoleName = 'crawler' | 'verifier' | 'sequencer' | 'fanout'

/** Real servers and one process of each role, or several verifiers; every run has topics and a database of its own. */
export class BenchCluster implements AsyncDisposable {
  readonly #kafka: KafkaServers
  readonly #postgres: Awaited<ReturnType<typeof startPostgres>>
  readonly #redis: Awaited<ReturnType<typeof startRedis>>
  readonly #folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  #runs = 0
  private constructor(
    kafka: KafkaServers,
    postgres: Awaited<ReturnType<typeof startPostgres>>,
    redis: Awaited<ReturnType<typeof startRedis>>,
  ) {
    this.#kafka = kafka
    this.#postgres = postgres
    this.#redis = redis
  }

  static async start(): Promise<BenchCluster> {
    const [kafka, postgres, redis] = await Promise.all([
      startKafka({ isMeasured: true }),
      startPostgres(),
      startRedis(),
    ])
    return new BenchCluster(kafka, postgres, redis)
  }

  /** Starts the roles; the crawler, which begins to read at once, only with `crawl`. */
  async roles(env: Readonly<Record<string, string>>, verifiers: number): Promise<ClusterRun> {
    const run = ++this.#runs
    const all = {
      ...env,
      RELAY_DATABASE_URL: await this.#postgres.createDatabase(`run${run}`),
      RELAY_REDIS_URL: this.#redis.url,
      RELAY_KAFKA_BROKERS: this.#kafka.brokers,
      RELAY_KAFKA_TOPIC_PREFIX: `run${run}.`,
      RELAY_DATA_DIR: join(this.#folder, String(run)),
    }
    const names: RoleName[] = ['sequencer', 'fanout', ...new Array<RoleName>(verifiers).fill('verifier')]
    const started: [RoleName, RelayProcess][] = []
    for (const name of names) started.push([name, await startRelayProcess(all, undefined, name)])
    const brokers = this.#kafka.nodes.map(({ pid }) => pid as number)
    return new ClusterRun(started, brokers, () => startRelayProcess(all, undefined, 'crawler'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kafka[Symbol.asyncDispose]()
    await this.#postgres[Symbol.asyncDispose]()
    await this.#redis[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** The roles of one run. */
export class ClusterRun implements AsyncDisposable {
  readonly #roles: [RoleName, RelayProcess][]
  readonly #brokers: readonly number[]
  readonly #startCrawler: () => Promise<RelayProcess>
  #since = new Map<string, number>()

  constructor(
    roles: [RoleName, RelayProcess][],
    brokers: readonly number[],
    startCrawler: () => Promise<RelayProcess>,
  ) {
    this.#roles = roles
    this.#brokers = brokers
    this.#startCrawler = startCrawler
    this.markCpu()
  }

  get url(): string {
    return (this.#roles.find(([name]) => name === 'fanout') as [RoleName, RelayProcess])[1].url
  }

  /** Begins to read the hosts. */
  async crawl(): Promise<void> {
    this.#roles.push(['crawler', await this.#startCrawler()])
  }

  /** CPU is counted from here on. */
  markCpu(): void {
    this.#since = this.#cpu()
  }

  /** CPU seconds of each role and of the broker since the mark. */
  cpuSeconds(): Record<string, number> {
    return Object.fromEntries(
      [...this.#cpu()].map(([name, cpu]) => [name, cpu - (this.#since.get(name) ?? 0)]),
    )
  }

  #cpu(): Map<string, number> {
    const cpu = new Map<string, number>([['broker', this.#brokers.reduce((sum, pid) => sum + cpuOf(pid), 0)]])
    for (const [name, process] of this.#roles) cpu.set(name, (cpu.get(name) ?? 0) + process.cpuSeconds())
    return cpu
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#roles.map(([, process]) => process.kill('SIGKILL')))
  }
}
