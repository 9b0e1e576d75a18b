import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { encodeBatch } from './record-batch.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const PRODUCE: Api = { key: 0, version: 7, flexible: false }
const ALL_REPLICAS = -1

export interface Produced {
  readonly partition: number
  /** Where the record stands; -1 with an error. */
  readonly offset: number
  readonly error: KafkaError | undefined
}

/**
 * Appends one record to each of these partitions of a topic, acknowledged by all replicas in sync. Each is appended
 * whole or not at all. Throws KafkaError where the outcome is not known.
 */
export async function produce(
  connection: KafkaConnection,
  topic: string,
  records: readonly { readonly partition: number; readonly value: Uint8Array }[],
  timeoutMs: number,
): Promise<Produced[]> {
  const nowMs = Date.now()
  const head = new WireWriter().string(null).int16(ALL_REPLICAS).int32(timeoutMs).int32(1)
  head.string(topic).int32(records.length)
  const body: Uint8Array[] = [head.bytes]
  for (const { partition, value } of records) {
    const batch = encodeBatch(value, nowMs)
    const bytes = batch.reduce((sum, part) => sum + part.length, 0)
    body.push(new WireWriter().int32(partition).int32(bytes).bytes, ...batch)
  }
  // The broker itself gives up a moment before we do: then it says so.
  const reader = new WireReader(await connection.request(PRODUCE, body, timeoutMs + 1_000))
  const produced = reader.array(() => {
    reader.string()
    return reader.array(() => {
      const partition = reader.int32()
      const error = KafkaError.of(reader.int16(), `${topic}/${partition}`)
      const offset = reader.int64()
      reader.skip(16)
      return { partition, offset, error }
    })
  })
  return produced.flat()
}
