/** What goes wrong with the servers of a cluster. */
import type { Random } from '@bgs/simnet/random.ts'
import type { Brokers, KafkaModel } from '../models/kafka/kafka-model.ts'
import type { ClusterScene } from './cluster-scene.ts'
import type { Fault } from './faults.ts'

type OfServers = Fault<ClusterScene>

/** Mostly less than what is waited for, sometimes much longer; milliseconds. */
function spell(random: Random): number {
  return 50 + random.int(random.chance(0.2) ? 30_000 : 3_000)
}

/** Brokers are somehow for a while; `begin` returns what ends it. */
export function brokersAre(
  what: string,
  weight: number,
  begin: (kafka: KafkaModel, at: Brokers, random: Random) => () => void,
): OfServers {
  return {
    weight,
    act: async ({ servers: { kafka, brokers }, rest }, random) => {
      const at = random.chance(0.3) ? 'all' : random.pick([...brokers.keys()])
      const ms = spell(random)
      const end = begin(kafka, at, random)
      await rest(ms)
      end()
      return `${at === 'all' ? 'every broker' : `broker${at}`} is ${what} for ${ms} ms`
    },
  }
}

export const killBroker: OfServers = {
  weight: 5,
  act: async ({ servers, rest }, random) => {
    const id = random.pick([...servers.brokers.keys()])
    const ms = spell(random)
    return servers.turnsOf(`broker${id}`).run(async () => {
      if (random.chance(0.5)) servers.kafka.kill(id)
      else servers.kafka.stop(id)
      await rest(ms)
      await servers.startBroker(id)
      return `broker${id} is away for ${ms} ms`
    })
  },
}

export const moveLeaders: OfServers = {
  weight: 5,
  act: async ({ servers: { kafka } }) => {
    kafka.moveLeaders()
    return 'partitions have other leaders'
  },
}

export const killPostgres: OfServers = {
  weight: 4,
  act: async ({ servers, rest }, random) => {
    const ms = spell(random)
    return servers.turnsOf('postgres').run(async () => {
      if (random.chance(0.5)) servers.postgres.kill()
      else servers.postgres.stop()
      await rest(ms)
      await servers.startPostgres()
      return `postgres is away for ${ms} ms`
    })
  },
}

export const hangPostgres: OfServers = {
  weight: 4,
  act: async ({ servers: { postgres }, rest }, random) => {
    const ms = spell(random)
    postgres.hang(ms)
    await rest(ms)
    return `postgres answers nothing for ${ms} ms`
  },
}

/** Statements that take long, conflicts, and commits whose outcome nobody is told. */
export const postgresMood: OfServers = {
  weight: 8,
  act: async ({ servers: { postgres }, rest }, random) => {
    const ms = spell(random)
    const what = random.pick(['statementMs', 'serializationFailureShare', 'unknownOutcomeShare'] as const)
    postgres.mood[what] = what === 'statementMs' ? random.int(1_000) : random.float()
    await rest(ms)
    postgres.mood[what] = 0
    return `postgres has another ${what} for ${ms} ms`
  },
}

export const killRedis: OfServers = {
  weight: 4,
  act: async ({ servers, rest }, random) => {
    const ms = spell(random)
    return servers.turnsOf('redis').run(async () => {
      servers.redis.kill()
      await rest(ms)
      await servers.startRedis()
      return `redis is away for ${ms} ms`
    })
  },
}

export const flushRedis: OfServers = {
  weight: 2,
  act: async ({ servers: { redis } }) => {
    redis.flush()
    return 'redis forgets all'
  },
}

export const hangRedis: OfServers = {
  weight: 3,
  act: async ({ servers: { redis }, rest }, random) => {
    const ms = spell(random)
    redis.hang(ms)
    await rest(ms)
    return `redis answers nothing for ${ms} ms`
  },
}
