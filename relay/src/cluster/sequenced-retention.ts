import { KafkaError } from '@bgs/cluster/kafka/kafka-error.ts'
import { leaderLogDirs } from '@bgs/cluster/kafka/log-dirs.ts'
import type { ClusterContext } from './context.ts'

/** Where no broker tells of its disk: before Kafka 3.3, or where it must not. */
const RETENTION_BYTES_UNTOLD = 100 * 2 ** 30

/**
 * Bytes of the replay window in Kafka: as set; or half of what is free on the disk of the broker that leads `sequenced`
 * and what that takes already; the other half is for what is on its way, and for what others keep there.
 */
export async function sequencedRetention({
  settings,
  kafka,
  topic,
  logger,
}: Pick<ClusterContext, 'settings' | 'kafka' | 'topic' | 'logger'>): Promise<number> {
  if (settings.RELAY_RETENTION_BYTES !== undefined) return settings.RELAY_RETENTION_BYTES
  const connections = kafka.connections()
  try {
    const [dir] = await leaderLogDirs(kafka, connections, topic('sequenced'), [0])
    if (dir?.usableBytes !== undefined)
      return Math.max(1, Math.floor((dir.usableBytes + (dir.sizes.get(0) ?? 0)) / 2))
    logger.warn(
      { bytes: RETENTION_BYTES_UNTOLD },
      'Kafka does not report its disk space: RELAY_RETENTION_BYTES=auto means this many bytes',
    )
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    logger.warn(
      { err: error, bytes: RETENTION_BYTES_UNTOLD },
      'could not ask Kafka for its disk space: RELAY_RETENTION_BYTES=auto means this many bytes',
    )
  } finally {
    connections.close()
  }
  return RETENTION_BYTES_UNTOLD
}
