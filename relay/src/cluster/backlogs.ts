import { Backlog } from '@bgs/cluster/bus/backlog.ts'
import { REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { fetchRecords } from '@bgs/cluster/kafka/fetch.ts'
import { KafkaError } from '@bgs/cluster/kafka/kafka-error.ts'
import { leaderLogDirs } from '@bgs/cluster/kafka/log-dirs.ts'
import { SEGMENT_BYTES } from '@bgs/cluster/kafka/topics.ts'
import { readConsumed } from '@bgs/cluster/leases/consumed.ts'
import { offsetOf } from '@bgs/contract/bus/position.ts'
import type { ClusterContext } from './context.ts'

/** What of `raw` or `verified` nobody has consumed yet; RELAY_BACKLOG_BYTES bounds each. */
export function topicBacklog(context: ClusterContext, topic: 'raw' | 'verified'): Backlog {
  const { kafka, database, settings, supervisor } = context
  const { signal } = supervisor
  const name = context.topic(topic)
  const partitions = Array.from({ length: settings.RELAY_RAW_PARTITIONS }, (_, i) => i)
  const connections = kafka.connections()
  const limits = { waitMs: 0, maxBytes: 1, partitionBytes: 1, timeoutMs: REQUEST_MS }
  return new Backlog({
    maxBytes: settings.RELAY_BACKLOG_BYTES,
    segmentBytes: SEGMENT_BYTES[topic],
    sizes: async () => {
      try {
        const dirs = await leaderLogDirs(kafka, connections, name, partitions)
        return new Map(dirs.flatMap(({ sizes }) => [...sizes]))
      } catch (error) {
        // Whether the brokers are there at all the other questions tell.
        if (!(error instanceof KafkaError)) throw error
        return undefined
      }
    },
    ends: () => kafka.offsets(name, partitions, 'end', signal),
    consumed: async () => {
      const positions = await readConsumed(database, topic, context.generations[topic])
      return new Map([...positions].map(([partition, position]) => [partition, offsetOf(position)]))
    },
    sample: (partition, offset) =>
      kafka.atLeader(connections, name, partition, signal, async (connection) => {
        const [one] = await fetchRecords(connection, name, [{ partition, offset }], limits)
        return one?.bytes.length ?? 0
      }),
  })
}
