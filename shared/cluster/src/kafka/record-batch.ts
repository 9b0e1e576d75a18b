import { errorText } from '@bgs/runtime/service/error-text.ts'
import { crc32c } from '@node-rs/crc32'
import { decompress } from './decompress.ts'
import { KafkaError } from './kafka-error.ts'

/** Largest batch that the topics are made for: a frame of 5 MB behind 2 MiB of others, and what surrounds them. */
export const MAX_RECORD_BYTES = 10 * 1024 * 1024

/**
 * Record batches of format 2 (Kafka documentation, "Record Batch"): here always with one record, without key and
 * headers, for what travels together is one value already.
 *
 *   i64 base offset, i32 bytes behind here, i32 leader epoch, i8 magic, u32 crc32c of all behind it, i16 attributes,
 *   i32 last offset delta, i64 base time, i64 newest time, i64 producer, i16 epoch, i32 sequence, i32 records
 */
const HEADER_BYTES = 61
const LENGTH_AT = 8
const EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const COUNT_AT = 57
const BEFORE_BATCH_LENGTH_ENDS = 12
const COMPRESSION = 0x07
/** No batch is larger when it is decompressed: of ours each holds one record. */
const MAX_BATCH_BYTES = 2 * MAX_RECORD_BYTES
const CONTROL = 0x20
/** Of one record around its value: attributes, two deltas, no key, the value's length, no headers. */
const MAX_RECORD_HEAD = 16

/** A batch around one value, as parts to be written one after another; the value is not copied. */
export function encodeBatch(value: Uint8Array, timeMs: number): Buffer[] {
  const head = Buffer.allocUnsafe(HEADER_BYTES + MAX_RECORD_HEAD)
  // attributes, time delta 0, offset delta 0, key length -1, value length, [value], headers 0
  const recordBytes = 4 + varintBytes(value.length * 2) + value.length + 1
  let at = writeVarint(head, HEADER_BYTES, recordBytes * 2)
  head[at++] = 0
  head[at++] = 0
  head[at++] = 0
  head[at++] = 1
  at = writeVarint(head, at, value.length * 2)
  const front = head.subarray(0, at)
  const tail = Buffer.alloc(1)
  front.writeBigInt64BE(0n, 0)
  front.writeInt32BE(at + value.length + 1 - BEFORE_BATCH_LENGTH_ENDS, LENGTH_AT)
  front.writeInt32BE(-1, EPOCH_AT)
  front.writeInt8(2, MAGIC_AT)
  front.writeInt16BE(0, ATTRIBUTES_AT)
  front.writeInt32BE(0, 23)
  front.writeBigInt64BE(BigInt(timeMs), 27)
  front.writeBigInt64BE(BigInt(timeMs), 35)
  front.writeBigInt64BE(-1n, 43)
  front.writeInt16BE(-1, 51)
  front.writeInt32BE(-1, 53)
  front.writeInt32BE(1, COUNT_AT)
  const crc = crc32c(tail, crc32c(value as Buffer, crc32c(front.subarray(ATTRIBUTES_AT))))
  front.writeUInt32BE(crc, CRC_AT)
  return [front, value as Buffer, tail]
}

/** A record as it was read; `value` lies in the response's bytes. */
export interface WireRecord {
  readonly offset: number
  readonly timeMs: number
  /** Of the leader that wrote it. */
  readonly epoch: number
  readonly value: Buffer
}

/**
 * A batch cannot be read: it is waited at, as for a broker that does not answer, for to end the process would change
 * nothing, and to skip it would lose what is in it (invariant 17).
 */
export class BadBatchError extends KafkaError {
  override name = 'BadBatchError'

  constructor(message: string, cause?: unknown) {
    super('BAD_BATCH', message, cause)
  }
}

/**
 * The records of a fetch from `fromOffset` on. A batch that the broker cut off at the end of its answer is left out,
 * control batches are skipped. Throws BadBatchError on a wrong checksum, another format, or what cannot be decompressed.
 */
export function readBatches(bytes: Buffer, fromOffset: number): WireRecord[] {
  const records: WireRecord[] = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + BEFORE_BATCH_LENGTH_ENDS + bytes.readInt32BE(at + LENGTH_AT)
    if (end < at + HEADER_BYTES) throw new BadBatchError('a batch is shorter than its head')
    if (end > bytes.length) break
    const batch = bytes.subarray(at, end)
    at = end
    const base = Number(batch.readBigInt64BE(0))
    if (batch[MAGIC_AT] !== 2)
      throw new BadBatchError(`the batch at offset ${base} is of format ${batch[MAGIC_AT]}`)
    if (crc32c(batch.subarray(ATTRIBUTES_AT)) !== batch.readUInt32BE(CRC_AT))
      throw new BadBatchError(`the checksum of the batch at offset ${base} is wrong`)
    const attributes = batch.readInt16BE(ATTRIBUTES_AT)
    if ((attributes & CONTROL) !== 0) continue
    const baseTime = Number(batch.readBigInt64BE(27))
    const epoch = batch.readInt32BE(EPOCH_AT)
    const reader = new RecordReader(
      decompressed(batch.subarray(HEADER_BYTES), attributes & COMPRESSION, base),
    )
    try {
      for (let left = batch.readInt32BE(COUNT_AT); left > 0; left--) {
        const record = reader.next(base, baseTime, epoch)
        if (record.offset >= fromOffset) records.push(record)
      }
    } catch (error) {
      throw new BadBatchError(`the batch at offset ${base} ends early`, error)
    }
  }
  return records
}

function decompressed(records: Buffer, codec: number, base: number): Buffer {
  try {
    return decompress(records, codec, MAX_BATCH_BYTES)
  } catch (error) {
    throw new BadBatchError(`the batch at offset ${base} cannot be decompressed: ${errorText(error)}`, error)
  }
}

class RecordReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(base: number, baseTime: number, epoch: number): WireRecord {
    const length = this.#varint()
    const end = this.#at + length
    this.#at++
    const timeMs = baseTime + this.#varint()
    const offset = base + this.#varint()
    const keyBytes = Math.max(0, this.#varint())
    this.#at += keyBytes
    const bytes = Math.max(0, this.#varint())
    const value = this.#bytes.subarray(this.#at, this.#at + bytes)
    this.#at = end
    return { offset, timeMs, epoch, value }
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
  }
}

function varintBytes(zigzag: number): number {
  let bytes = 1
  for (let rest = zigzag; rest >= 0x80; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

function writeVarint(into: Buffer, start: number, zigzag: number): number {
  let at = start
  let rest = zigzag
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) into[at++] = (rest & 0x7f) | 0x80
  into[at++] = rest
  return at
}
