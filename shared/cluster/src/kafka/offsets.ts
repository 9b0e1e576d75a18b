import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { type LedPartition, NO_EPOCH } from './led-partition.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const LIST_OFFSETS: Api = { key: 2, version: 5, flexible: false }
const DELETE_RECORDS: Api = { key: 21, version: 1, flexible: false }

/** The first retained offset of a partition, or the one behind its last committed record. */
export type OffsetOf = 'floor' | 'end'
const TIMESTAMPS = { floor: -2, end: -1 } as const

/** Asks the leader of these partitions where they begin or end. Throws the first partition's error. */
export async function listOffsets(
  connection: KafkaConnection,
  topic: string,
  partitions: readonly LedPartition[],
  which: OffsetOf,
  timeoutMs: number,
): Promise<Map<number, number>> {
  const body = new WireWriter().int32(-1).int8(0).int32(1).string(topic).int32(partitions.length)
  for (const { partition, epoch = NO_EPOCH } of partitions)
    body.int32(partition).int32(epoch).int64(TIMESTAMPS[which])
  const reader = new WireReader(await connection.request(LIST_OFFSETS, [body.bytes], timeoutMs))
  reader.int32()
  const offsets = new Map<number, number>()
  reader.array(() => {
    reader.string()
    reader.array(() => {
      const partition = reader.int32()
      const error = KafkaError.of(reader.int16(), `${topic}/${partition}`)
      if (error !== undefined) throw error
      reader.int64()
      offsets.set(partition, reader.int64())
      reader.int32()
    })
  })
  return offsets
}

/** Removes what stands before these offsets; whole segments go from the disk a moment later. */
export async function deleteRecords(
  connection: KafkaConnection,
  topic: string,
  before: ReadonlyMap<number, number>,
  timeoutMs: number,
): Promise<void> {
  const body = new WireWriter().int32(1).string(topic).int32(before.size)
  for (const [partition, offset] of before) body.int32(partition).int64(offset)
  body.int32(timeoutMs)
  const reader = new WireReader(await connection.request(DELETE_RECORDS, [body.bytes], timeoutMs + 1_000))
  reader.int32()
  reader.array(() => {
    reader.string()
    reader.array(() => {
      const partition = reader.int32()
      reader.int64()
      const error = KafkaError.of(reader.int16(), `${topic}/${partition}`)
      if (error !== undefined) throw error
    })
  })
}
