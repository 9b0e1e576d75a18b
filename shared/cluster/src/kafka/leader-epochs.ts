import type { ConnectionSet, KafkaCluster } from './cluster.ts'
import { REQUEST_MS } from './cluster.ts'
import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { type LedPartition, NO_EPOCH } from './led-partition.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const OFFSET_FOR_LEADER_EPOCH: Api = { key: 23, version: 3, flexible: false }

/**
 * Offset behind the last record that a leader of this epoch, or of one before it, wrote; undefined where no record of it
 * is left and none of a later one. The epoch of a partition rises with each change of its leader, also with a restart of
 * the only one, and stands in each batch.
 */
async function askEpochEnd(
  connection: KafkaConnection,
  topic: string,
  { partition, epoch: leader = NO_EPOCH }: LedPartition,
  epoch: number,
  timeoutMs: number,
): Promise<number | undefined> {
  const body = new WireWriter().int32(-1).int32(1).string(topic).int32(1)
  body.int32(partition).int32(leader).int32(epoch)
  const reader = new WireReader(await connection.request(OFFSET_FOR_LEADER_EPOCH, [body.bytes], timeoutMs))
  reader.int32()
  const ends = reader.array(() => {
    reader.string()
    return reader.array(() => {
      const error = KafkaError.of(reader.int16(), `${topic}/${partition}`)
      if (error !== undefined) throw error
      reader.int32()
      reader.int32()
      return reader.int64()
    })
  })
  const [end = NO_EPOCH] = ends.flat()
  return end < 0 ? undefined : end
}

/** Up to where something was read: the last record, and the epoch that stood in it. */
export interface ReadUpTo {
  readonly offset: number
  readonly epoch: number
}

/**
 * Whether a partition has lost records that were read, and given their offsets to others (KIP-320): it may have grown
 * again beyond where it was. Resolves to the offset from which on it is another; undefined where all is as it was.
 */
export async function lostFrom(
  cluster: KafkaCluster,
  connections: ConnectionSet,
  topic: string,
  partition: number,
  { offset, epoch }: ReadUpTo,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (epoch === NO_EPOCH || offset < 0) return undefined
  cluster.noteEpoch(topic, partition, epoch)
  const end = await cluster.atLeader(connections, topic, partition, signal, (connection) =>
    askEpochEnd(connection, topic, cluster.led(topic, partition), epoch, REQUEST_MS),
  )
  if (end === undefined) return 0
  return end <= offset ? end : undefined
}
