import { crc32c } from '@node-rs/crc32'
import { ERRORS, type ErrorCode } from './errors.ts'

/** Where things stand in a batch of format 2 (Kafka documentation, "Record Batch"). */
const HEADER_BYTES = 61
const LENGTH_AT = 8
const EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_DELTA_AT = 23
const COUNT_AT = 57
const BEFORE_BATCH_LENGTH_ENDS = 12

/** A batch as a partition keeps it. */
export interface StoredBatch {
  /** Offset of its first record, and the one behind its last. */
  readonly base: number
  readonly end: number
  readonly bytes: Buffer
}

/** What is wrong with the records of one partition in a produce request; NONE: they are one whole batch. */
export function checkBatch(bytes: Buffer, maxBytes: number): ErrorCode {
  if (bytes.length < HEADER_BYTES) return ERRORS.CORRUPT_MESSAGE
  if (bytes[MAGIC_AT] !== 2) return ERRORS.INVALID_RECORD
  const end = BEFORE_BATCH_LENGTH_ENDS + bytes.readInt32BE(LENGTH_AT)
  if (end > bytes.length || end < HEADER_BYTES) return ERRORS.CORRUPT_MESSAGE
  // A request has one batch for each partition (KIP-98).
  if (end < bytes.length) return ERRORS.INVALID_RECORD
  if (bytes.length > maxBytes) return ERRORS.MESSAGE_TOO_LARGE
  if (crc32c(bytes.subarray(ATTRIBUTES_AT)) !== bytes.readUInt32BE(CRC_AT)) return ERRORS.CORRUPT_MESSAGE
  const count = bytes.readInt32BE(COUNT_AT)
  return count < 1 || bytes.readInt32BE(LAST_DELTA_AT) !== count - 1 ? ERRORS.INVALID_RECORD : ERRORS.NONE
}

/** A batch with what the broker writes into it: its offset and its leader's epoch, which the checksum does not cover. */
export function stampBatch(given: Buffer, base: number, epoch: number): StoredBatch {
  const bytes = Buffer.from(given)
  bytes.writeBigInt64BE(BigInt(base), 0)
  bytes.writeInt32BE(epoch, EPOCH_AT)
  return { base, end: base + bytes.readInt32BE(COUNT_AT), bytes }
}
