import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { decodeFacts } from '@bgs/contract/envelope/facts.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { TcpLink } from '@bgs/testkit/tcp-link.ts'
import { until } from '@bgs/testkit/until.ts'
import { ProcessWays } from './process-ways.ts'
import { type RoleName, RoleProcess } from './role-process.ts'

/** How long a process that stopped answering keeps what it has leased. */
export const LEASE_MS = 1_500
const READY_MS = 60_000

type Postgres = Awaited<ReturnType<typeof startPostgres>>
type RedisServer = Awaited<ReturnType<typeof startRedis>>

/** Real servers, a network of hosts, and every role as processes. */
export class TestCluster implements AsyncDisposable {
  readonly network: SimNetwork
  readonly kafka: KafkaServers
  readonly postgres: Postgres
  readonly redis: RedisServer
  readonly roles: RoleProcess[] = []
  readonly #folder: string
  readonly #env: Readonly<Record<string, string>>
  readonly #links: TcpLink[] = []
  /** Ways that no process goes now. */
  readonly #freeWays: ProcessWays[] = []
  #started = 0

  private constructor(
    network: SimNetwork,
    kafka: KafkaServers,
    postgres: Postgres,
    redis: RedisServer,
    folder: string,
    env: Record<string, string>,
  ) {
    this.network = network
    this.kafka = kafka
    this.postgres = postgres
    this.redis = redis
    this.#folder = folder
    this.#env = env
  }

  /** `ways`: so many processes, the first to be added, reach the servers over links of their own, which can be cut. */
  static async start(options: {
    seed: number
    brokers?: 1 | 3
    ways?: number
    env?: Record<string, string>
  }): Promise<TestCluster> {
    const { seed, brokers = 1, ways = 0, env = {} } = options
    const [kafka, postgres, redis, network, folder] = await Promise.all([
      startKafka({ brokers, ways }),
      startPostgres(),
      startRedis(),
      SimNetwork.start({ seed, hosts: 6, accountsPerHost: 6 }),
      mkdtemp(join(tmpdir(), 'relay-chaos-')),
    ])
    const cluster = new TestCluster(network, kafka, postgres, redis, folder, env)
    for (let i = 0; i < ways; i++) await cluster.#makeWays(i)
    return cluster
  }

  async #makeWays(number: number): Promise<void> {
    const kafka = this.kafka.ways[number]
    if (kafka === undefined) throw new Error(`no way ${number} to Kafka`)
    const to = async (url: string) => {
      const port = Number(new URL(url).port)
      const link = await TcpLink.open(() => port)
      this.#links.push(link)
      return { url: url.replace(`:${port}`, `:${link.port}`), link }
    }
    const [postgres, redis, directory] = [
      await to(this.postgres.url),
      await to(this.redis.url),
      await to(this.network.plc.url),
    ]
    const links = {
      kafka: kafka.links,
      // Of several the second; never the only one, which is all of Kafka.
      'a broker': kafka.links.slice(1, 2),
      postgres: [postgres.link],
      redis: [redis.link],
      directory: [directory.link],
    }
    this.#freeWays.push(
      new ProcessWays(links, join(this.#folder, `faults-${number}.json`), {
        RELAY_KAFKA_BROKERS: kafka.brokers,
        RELAY_DATABASE_URL: postgres.url,
        RELAY_REDIS_URL: redis.url,
        RELAY_PLC_URL: directory.url,
      }),
    )
  }

  /** Starts one more process of a role. */
  async add(role: RoleName): Promise<RoleProcess> {
    const name = `${role}-${++this.#started}`
    const env = { ...this.env, RELAY_DATA_DIR: join(this.#folder, name) }
    const started = await RoleProcess.start(name, role, env, this.#freeWays.shift())
    this.roles.push(started)
    return started
  }

  /** Ends a process for good; its ways are another's. */
  async remove(process: RoleProcess, signal: NodeJS.Signals): Promise<void> {
    this.roles.splice(this.roles.indexOf(process), 1)
    await process.remove(signal)
    if (process.ways !== undefined) this.#freeWays.push(process.ways)
  }

  /** Starts so many of each role, and waits until all are ready. */
  async addAll(counts: Readonly<Partial<Record<RoleName, number>>>): Promise<void> {
    for (const [role, count] of Object.entries(counts))
      for (let i = 0; i < count; i++) await this.add(role as RoleName)
    await this.untilReady()
  }

  /** Settings under which a process is part of this cluster. */
  get env(): Record<string, string> {
    return {
      ...this.network.relayEnv(),
      RELAY_KAFKA_BROKERS: this.kafka.brokers,
      RELAY_DATABASE_URL: this.postgres.url,
      RELAY_REDIS_URL: this.redis.url,
      RELAY_RAW_PARTITIONS: '8',
      RELAY_LEASE_MS: String(LEASE_MS),
      RELAY_VERIFIER_THREADS: '0',
      RELAY_LOG_LEVEL: process.env['CLUSTER_LOG_LEVEL'] ?? 'info',
      ...this.#env,
    }
  }

  of(role: RoleName): RoleProcess[] {
    return this.roles.filter((process) => process.role === role)
  }

  /** Streams of the fan-out nodes. */
  readonly urls = (): string[] => this.of('fanout').map(({ port }) => `ws://127.0.0.1:${port}`)

  async untilReady(): Promise<void> {
    for (const process of this.roles)
      await until(
        `${process.name} is ready`,
        () => process.isReady(),
        READY_MS,
        () => process.output.slice(-3_000),
      )
  }

  /** What stands in the database now. */
  async postgresRows(sql: string, url = this.postgres.url): Promise<unknown[]> {
    const database = await PostgresDatabase.open(url)
    try {
      return await database.query(sql)
    } finally {
      await database.close()
    }
  }

  /** What each entry of the log says, a line each. */
  async logLines(): Promise<string[]> {
    const cluster = new KafkaCluster(this.kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
    const reader = new SequencedReader(cluster, 'relay.sequenced')
    const { signal } = new AbortController()
    const lines: string[] = []
    const { floor, end } = await reader.bounds(signal)
    for (let at = floor; at < end; ) {
      const { records, next } = await reader.read(at, 1 << 20, 0, signal)
      for (const { batch, offset, generation } of records) {
        let seq = batch.firstSeq
        for (const facts of batch.facts())
          lines.push(
            `${seq++} offset ${offset} generation ${generation} ${JSON.stringify(decodeFacts(facts))}`,
          )
      }
      at = next
    }
    reader.close()
    cluster.close()
    return lines
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.roles.map((process) => process.remove('SIGKILL')))
    await this.network.close()
    await Promise.all([
      ...this.#links.map((link) => link[Symbol.asyncDispose]()),
      this.kafka[Symbol.asyncDispose](),
      this.postgres[Symbol.asyncDispose](),
      this.redis[Symbol.asyncDispose](),
    ])
    await rm(this.#folder, { recursive: true })
  }
}
