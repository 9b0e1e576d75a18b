import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { openRedis } from '@bgs/cluster/redis/redis.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { Redis } from 'ioredis'

/** The ways to the servers of the cluster, and whether each answers. */
export interface Servers {
  readonly health: {
    readonly postgres: ServerHealth
    readonly kafka: ServerHealth
    readonly redis: ServerHealth
    /** Of what Kafka holds: a record that cannot be read is waited at. */
    readonly records: ServerHealth
  }
  readonly kafka: KafkaCluster
  readonly redis: Redis
}

/** Begins to talk to Kafka and Redis; neither has to be there yet. */
export function openServers(settings: Settings, logger: Logger): Servers {
  const health = {
    postgres: new ServerHealth('PostgreSQL', logger),
    kafka: new ServerHealth('Kafka', logger),
    redis: new ServerHealth('Redis', logger),
    records: new ServerHealth('A record in Kafka', logger, monotonicMs, {
      well: 'can be read again',
      ill: 'cannot be read',
    }),
  }
  const kafka = new KafkaCluster(settings.RELAY_KAFKA_BROKERS, health.kafka, health.records)
  return { health, kafka, redis: openRedis(settings.RELAY_REDIS_URL, health.redis) }
}
