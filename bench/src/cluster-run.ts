import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'
import type { Metered } from './meter.ts'
import { cpuOf, rssOf } from './process-cpu.ts'

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

  /** One process of each role, `verifiers` of that one. All are ready. */
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
    const names: RoleName[] = [
      'sequencer',
      'fanout',
      ...new Array<RoleName>(verifiers).fill('verifier'),
      'crawler',
    ]
    const started: [RoleName, RelayProcess][] = []
    for (const name of names) started.push([name, await startRelayProcess(all, undefined, name)])
    return new ClusterRun(
      started,
      this.#kafka.nodes.map(({ pid }) => pid as number),
    )
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
  /** Of each role the CPU of all its processes, and that of the brokers. */
  readonly metered: Readonly<Record<RoleName | 'broker', Metered>>
  readonly #roles: readonly (readonly [RoleName, RelayProcess])[]

  constructor(roles: readonly (readonly [RoleName, RelayProcess])[], brokers: readonly number[]) {
    this.#roles = roles
    const of = (role: RoleName): Metered => ({
      cpuSeconds: () => sum(this.#of(role).map((process) => process.cpuSeconds())),
    })
    this.metered = {
      crawler: of('crawler'),
      verifier: of('verifier'),
      sequencer: of('sequencer'),
      fanout: of('fanout'),
      broker: { cpuSeconds: () => sum(brokers.map(cpuOf)) },
    }
  }

  get url(): string {
    return (this.#of('fanout')[0] as RelayProcess).url
  }

  /** Resident memory in MiB of the largest process of each role. */
  rssMiB(): Record<RoleName, number> {
    const of = (role: RoleName) =>
      Math.max(...this.#of(role).map(({ pid }) => Math.round(rssOf(pid) / 2 ** 20)))
    return {
      crawler: of('crawler'),
      verifier: of('verifier'),
      sequencer: of('sequencer'),
      fanout: of('fanout'),
    }
  }

  #of(role: RoleName): RelayProcess[] {
    return this.#roles.filter(([name]) => name === role).map(([, process]) => process)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#roles.map(([, process]) => process.kill('SIGKILL')))
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0)
}
