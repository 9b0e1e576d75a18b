import type { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import type { TopicMetadata } from '@bgs/cluster/kafka/metadata.ts'
import { ensureTopics, type Topic } from '@bgs/cluster/kafka/topics.ts'
import { DATABASE_NOW_MS } from '@bgs/cluster/leases/membership.ts'
import { topicGeneration } from '@bgs/cluster/leases/topic-generation.ts'
import { pingRedis } from '@bgs/cluster/redis/redis.ts'
import type { Database } from '@bgs/contract/database.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import type { ProcessMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Redis } from 'ioredis'
import type { Machine } from '../machine.ts'
import type { StageContext } from '../stages/stage-context.ts'
import type { SharedMetrics } from './role-metrics.ts'
import type { Servers } from './servers.ts'

const PING_EVERY_MS = 2_000

/** Topics that are read up to a position which is kept; `sequenced` has an id of its own. */
type ConsumedTopic = Exclude<Topic, 'sequenced'>

/** What the roles of one process share: the servers of the cluster, and what holds the process together. */
export interface ClusterContext extends StageContext {
  readonly kafka: KafkaCluster
  readonly redis: Redis
  readonly machine: Machine
  /** What each process of the cluster says of itself. */
  readonly processMetrics: () => Promise<readonly ProcessMetrics[]>
  readonly health: Servers['health']
  /** What every role shows. */
  readonly metrics: SharedMetrics
  /** Name of a topic in Kafka. */
  readonly topic: (topic: Topic) => string
  /** Our generations of the topics whose positions are kept (invariant 2). */
  readonly generations: Readonly<Record<ConsumedTopic, number>>
}

/**
 * Waits for PostgreSQL and Kafka, brings schema and topics about. Throws SchemaError or TopicError where they are not
 * what this version can work with.
 */
export async function openContext(
  servers: Servers,
  parts: Pick<
    ClusterContext,
    'settings' | 'logger' | 'registry' | 'supervisor' | 'processMetrics' | 'metrics' | 'machine'
  >,
): Promise<ClusterContext> {
  const { settings, logger, supervisor } = parts
  const { signal } = supervisor
  supervisor.run('redis', watchRedis(servers, signal))
  const database = await PostgresDatabase.open(settings.RELAY_DATABASE_URL, {
    logger,
    health: servers.health.postgres,
    signal,
  })
  supervisor.run('postgres', watchDatabase(database, parts.metrics, signal))
  const prefix = settings.RELAY_KAFKA_TOPIC_PREFIX
  const topics = await ensureTopics(servers.kafka, {
    prefix,
    partitions: settings.RELAY_RAW_PARTITIONS,
    replicationFactor: settings.RELAY_KAFKA_REPLICATION_FACTOR,
    minInsync: settings.RELAY_KAFKA_MIN_INSYNC,
    logger,
    signal,
  })
  const generationOf = (topic: ConsumedTopic) => {
    const found = topics.get(topic) as TopicMetadata
    servers.kafka.pin(found)
    return topicGeneration(database, topic, found.id)
  }
  const generations = {
    raw: await generationOf('raw'),
    verified: await generationOf('verified'),
    control: await generationOf('control'),
  }
  const rejections = new RejectionRecorder(database)
  void supervisor.tend('refusals', (ended) => rejections.run(ended))
  return { ...parts, ...servers, database, rejections, topic: (topic) => prefix + topic, generations }
}

async function watchRedis({ redis, health }: Servers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pingRedis(redis, health.redis)
    await wait(PING_EVERY_MS, signal)
  }
}

/** A process with nothing to write would not notice that the database is away. Compares the clocks, too. */
async function watchDatabase(
  database: Database,
  { servers: { clockSkew } }: SharedMetrics,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const askedMs = Date.now()
    const rows = await database
      .query<{ now_ms: number }>(`SELECT ${DATABASE_NOW_MS} AS now_ms`)
      .catch(() => undefined)
    const answeredMs = Date.now()
    // As of half-way between question and answer; an answer that took long says nothing.
    const [row] = rows ?? []
    if (row !== undefined && answeredMs - askedMs < PING_EVERY_MS)
      clockSkew.set(((askedMs + answeredMs) / 2 - Number(row.now_ms)) / 1_000)
    await wait(PING_EVERY_MS, signal)
  }
}
