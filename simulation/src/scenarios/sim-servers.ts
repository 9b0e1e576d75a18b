import { KafkaModel } from '../models/kafka/kafka-model.ts'
import { PostgresModel } from '../models/postgres/postgres-model.ts'
import { RedisModel } from '../models/redis/redis-model.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'
import { chanceOf } from './draw.ts'
import { InTurn } from './in-turn.ts'

const BROKERS = [1, 2, 3]
const KAFKA_PORT = 9_092
const POSTGRES_PORT = 5_432
const REDIS_PORT = 6_379

interface Models {
  readonly kafka: KafkaModel
  readonly postgres: PostgresModel
  readonly redis: RedisModel
}

/** The servers of a cluster, each in a process of its own, which lives as long as the world: their models say how they are. */
export class SimServers {
  readonly kafka: KafkaModel
  readonly postgres: PostgresModel
  readonly redis: RedisModel
  /** Of each broker, by its id. */
  readonly brokers: ReadonlyMap<number, SimProcess>
  readonly #turns = new Map<string, InTurn>()
  readonly #ofPostgres: SimProcess
  readonly #ofRedis: SimProcess

  private constructor({ scheduler }: World, { kafka, postgres, redis }: Models) {
    this.kafka = kafka
    this.postgres = postgres
    this.redis = redis
    this.brokers = new Map(BROKERS.map((id) => [id, new SimProcess(`broker${id}`, scheduler)]))
    this.#ofPostgres = new SimProcess('postgres', scheduler)
    this.#ofRedis = new SimProcess('redis', scheduler)
  }

  /** Makes them; to be called before time begins, for PostgreSQL takes a while of real time. */
  static async prepare(world: World): Promise<SimServers> {
    const { random } = world
    const chance = (name: string) => chanceOf(random.fork(name))
    return new SimServers(world, {
      kafka: new KafkaModel({
        brokers: BROKERS.map((id) => ({ id, host: '127.0.0.1', port: KAFKA_PORT + id })),
        chance: chance('kafka'),
      }),
      postgres: await PostgresModel.create({
        chance: chance('postgres'),
        port: POSTGRES_PORT,
        keepsJournal: true,
      }),
      redis: new RedisModel({ chance: chance('redis'), port: REDIS_PORT }),
    })
  }

  /** What ends a server waits for what ended it before. */
  turnsOf(name: string): InTurn {
    const turns = this.#turns.get(name) ?? new InTurn()
    this.#turns.set(name, turns)
    return turns
  }

  /** All of them, to be cut off from. */
  get processes(): readonly SimProcess[] {
    return [...this.brokers.values(), this.#ofPostgres, this.#ofRedis]
  }

  /** Settings under which the roles find them. */
  get env(): Record<string, string> {
    return {
      RELAY_KAFKA_BROKERS: this.kafka.addresses,
      RELAY_DATABASE_URL: this.postgres.url('relay'),
      RELAY_REDIS_URL: this.redis.url,
    }
  }

  async start(): Promise<void> {
    for (const id of this.brokers.keys()) await this.startBroker(id)
    await this.startPostgres()
    await this.startRedis()
  }

  startBroker(id: number): Promise<void> {
    const process = this.brokers.get(id)
    if (process === undefined) throw new RangeError(`there is no broker ${id}`)
    return process.run(() => this.kafka.listen(id))
  }

  async startPostgres(): Promise<void> {
    await this.#ofPostgres.run(() => this.postgres.start())
  }

  async startRedis(): Promise<void> {
    await this.#ofRedis.run(() => this.redis.start())
  }
}
