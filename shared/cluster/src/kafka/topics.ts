import { StartupError } from '@bgs/contract/startup-error.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type KafkaCluster, REQUEST_MS, retryPauseMs } from './cluster.ts'
import { KafkaError } from './kafka-error.ts'
import type { TopicMetadata } from './metadata.ts'
import { MAX_RECORD_BYTES } from './record-batch.ts'
import { createTopics, describeTopics, type NewTopic } from './topic-admin.ts'

export const TOPICS = ['raw', 'verified', 'control', 'sequenced'] as const
export type Topic = (typeof TOPICS)[number]

/** Sizes of segment files: only whole ones go from the disk when a partition is trimmed. */
export const SEGMENT_BYTES: Readonly<Record<Topic, number>> = {
  raw: 64 * 2 ** 20,
  verified: 64 * 2 ** 20,
  control: 16 * 2 ** 20,
  sequenced: 256 * 2 ** 20,
}

/**
 * Written to the disk with each record where there is one replica only. What is on its way (`raw`, `verified`) is not:
 * it outlives a broker that is killed, and for a machine that loses power there are replicas.
 */
const FLUSHED: ReadonlySet<Topic> = new Set(['sequenced', 'control'])

export interface TopicsOptions {
  readonly prefix: string
  /** Of `raw` and `verified`; `control` and `sequenced` have one. */
  readonly partitions: number
  /** Undefined: three, or as many brokers as there are; two in sync of three. */
  readonly replicationFactor: number | undefined
  readonly minInsync: number | undefined
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** A topic is not as it must be: the process must not start. */
export class TopicError extends StartupError {
  override name = 'TopicError'
  readonly code = 'topic'
}

/**
 * Makes the four topics where they are missing, and looks at those that exist. Several processes may do so at once.
 * Throws TopicError on a wrong number of partitions; settings that endanger events are reported and left to the
 * operator. Waits for Kafka as long as it takes.
 */
export async function ensureTopics(
  cluster: KafkaCluster,
  options: TopicsOptions,
): Promise<Map<Topic, TopicMetadata>> {
  const { signal } = options
  for (let attempt = 0; ; attempt++) {
    try {
      const topics = await inspectTopics(cluster, options)
      cluster.health.ok()
      return topics
    } catch (error) {
      if (error instanceof TopicError || signal.aborted) throw error
      cluster.health.failed(error)
      await wait(retryPauseMs(attempt), signal)
    }
  }
}

async function inspectTopics(
  cluster: KafkaCluster,
  options: TopicsOptions,
): Promise<Map<Topic, TopicMetadata>> {
  const { prefix, logger } = options
  const connections = cluster.connections()
  try {
    const missing: Topic[] = []
    for (const topic of TOPICS) {
      cluster.forget(prefix + topic)
      if ((await cluster.topic(prefix + topic)) === undefined) missing.push(topic)
    }
    const controller = await connections.toNode(cluster.controller)
    if (missing.length > 0) {
      const made = missing.map((topic) => newTopic(topic, cluster.brokerCount, options))
      await createTopics(controller, made, REQUEST_MS)
      logger.info({ topics: made.map(({ name }) => name) }, 'made the topics that were missing')
      // Whoever comes next is to find them led.
      for (const { name, partitions } of made)
        for (let number = 0; number < partitions; number++) await cluster.leader(name, number)
    }
    const topics = new Map<Topic, TopicMetadata>()
    for (const topic of TOPICS) topics.set(topic, await checkPartitions(cluster, topic, options))
    const names = TOPICS.map((topic) => prefix + topic)
    for (const [name, settings] of await describeTopics(controller, names, REQUEST_MS))
      reportWrongSettings(name, settings, options)
    return topics
  } finally {
    connections.close()
  }
}

function partitionsOf(topic: Topic, options: TopicsOptions): number {
  return topic === 'raw' || topic === 'verified' ? options.partitions : 1
}

async function checkPartitions(
  cluster: KafkaCluster,
  topic: Topic,
  options: TopicsOptions,
): Promise<TopicMetadata> {
  const name = options.prefix + topic
  cluster.forget(name)
  const found = await cluster.topic(name)
  if (found === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${name} is not there yet`)
  const wanted = partitionsOf(topic, options)
  if (found.leaders.length !== wanted) {
    const cure =
      wanted === 1
        ? `another program made it: delete it, or set another RELAY_KAFKA_TOPIC_PREFIX`
        : `set RELAY_RAW_PARTITIONS=${found.leaders.length}; to change the number, stop all roles, let the verifiers and the ` +
          `sequencer finish, delete ${options.prefix}raw and ${options.prefix}verified, and start again`
    throw new TopicError(`the topic ${name} has ${found.leaders.length} partitions, not ${wanted}: ${cure}`)
  }
  return found
}

/** A topic of ours as it is made. */
function newTopic(topic: Topic, brokerCount: number, options: TopicsOptions): NewTopic {
  const replicationFactor = options.replicationFactor ?? Math.min(3, brokerCount)
  const minInsync = options.minInsync ?? (replicationFactor >= 3 ? 2 : 1)
  const settings = {
    ...required(),
    'min.insync.replicas': String(minInsync),
    'segment.bytes': String(SEGMENT_BYTES[topic]),
    // The bytes come from the network compressed as far as they can be (ADR 1 has the figures).
    'compression.type': 'producer',
    // With one replica nothing but the disk holds what was said to the network, should the machine lose power.
    ...(replicationFactor === 1 && FLUSHED.has(topic) ? { 'flush.messages': '1' } : {}),
  }
  return {
    name: options.prefix + topic,
    partitions: partitionsOf(topic, options),
    replicationFactor,
    settings,
  }
}

/** What must be so for no event to be lost: the relay trims by position (invariant 5), and Kafka forgets nothing. */
function required(): Record<string, string> {
  return {
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'cleanup.policy': 'delete',
    'unclean.leader.election.enable': 'false',
    'max.message.bytes': String(MAX_RECORD_BYTES),
  }
}

function reportWrongSettings(
  name: string,
  found: ReadonlyMap<string, string>,
  { logger }: TopicsOptions,
): void {
  const codec = found.get('compression.type')
  if (codec !== undefined && codec !== 'producer')
    logger.info(
      { topic: name, setting: 'compression.type', value: codec },
      `the topic ${name} has compression.type=${codec}: the brokers compress, at the cost of their CPU and of all who read`,
    )
  for (const [setting, wanted] of Object.entries(required())) {
    const value = found.get(setting)
    const right = setting === 'max.message.bytes' ? Number(value) >= Number(wanted) : value === wanted
    if (value === undefined || right) continue
    logger.error(
      { topic: name, setting, value, wanted },
      `the topic ${name} has ${setting}=${value}: events may be lost; set it to ${wanted}`,
    )
  }
}
