import { startKafka } from '@bgs/testkit/servers/kafka.ts'
import { startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'

/** Servers of a cluster, and the settings that name them. */
export interface ClusterServers extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
}

export async function startClusterServers(): Promise<ClusterServers> {
  const [kafka, postgres, redis] = await Promise.all([startKafka(), startPostgres(), startRedis()])
  return {
    env: {
      RELAY_KAFKA_BROKERS: kafka.brokers,
      RELAY_DATABASE_URL: postgres.url,
      RELAY_REDIS_URL: redis.url,
      RELAY_RAW_PARTITIONS: '4',
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([kafka, postgres, redis].map((server) => server[Symbol.asyncDispose]()))
    },
  }
}
