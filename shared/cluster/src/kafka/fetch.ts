import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { type LedPartition, NO_EPOCH } from './led-partition.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const FETCH: Api = { key: 1, version: 11, flexible: false }

export interface FetchFrom extends LedPartition {
  readonly offset: number
}

export interface Fetched {
  readonly partition: number
  readonly error: KafkaError | undefined
  /** Offset behind the last committed record. */
  readonly end: number
  /** First retained offset. */
  readonly floor: number
  /** Record batches, to be read with `readBatches`. */
  readonly bytes: Buffer
}

export interface FetchLimits {
  /** The broker waits so long at most for something to come. */
  readonly waitMs: number
  /** Of all partitions, and of one; a single record is always given whole. */
  readonly maxBytes: number
  readonly partitionBytes: number
  readonly timeoutMs: number
}

/** Reads partitions of one topic from their leader, without a group; only what is committed. */
export async function fetchRecords(
  connection: KafkaConnection,
  topic: string,
  from: readonly FetchFrom[],
  limits: FetchLimits,
): Promise<Fetched[]> {
  const body = new WireWriter()
  // replica -1: a client; at least one byte; isolation 0: nothing here is written in transactions; no fetch session.
  body.int32(-1).int32(limits.waitMs).int32(1).int32(limits.maxBytes).int8(0).int32(0).int32(-1)
  body.int32(1).string(topic).int32(from.length)
  for (const { partition, epoch = NO_EPOCH, offset } of from)
    body.int32(partition).int32(epoch).int64(offset).int64(-1).int32(limits.partitionBytes)
  body.int32(0).string('')
  const timeoutMs = limits.waitMs + limits.timeoutMs
  const reader = new WireReader(await connection.request(FETCH, [body.bytes], timeoutMs))
  reader.int32()
  const failed = KafkaError.of(reader.int16(), `fetch from ${topic}`)
  if (failed !== undefined) throw failed
  reader.int32()
  const fetched = reader.array(() => {
    reader.string()
    return reader.array(() => {
      const partition = reader.int32()
      const error = KafkaError.of(reader.int16(), `${topic}/${partition}`)
      const end = reader.int64()
      reader.int64()
      const floor = reader.int64()
      reader.array(() => reader.skip(16))
      reader.int32()
      return { partition, error, end, floor, bytes: reader.bytes() }
    })
  })
  return fetched.flat()
}
