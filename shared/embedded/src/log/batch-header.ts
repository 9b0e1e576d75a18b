import { crc32 } from 'node:zlib'

/**
 * On disk a header stands before each batch: one durable write puts both there. The header says enough to
 * find the next one without reading the batch, and carries the checksum of header and batch.
 *
 *   u32 magic, u32 bytes of the batch, u32 crc32, u32 generation, u64 first seq, u64 time in ms, u32 count, u32 zero
 */
export const BATCH_HEADER_BYTES = 40
const MAGIC = 0x42475347
const CRC_AT = 8

/** Largest batch that is written, and that is believed when read: several frames of 5 MB. */
export const MAX_BATCH_BYTES = 64 * 1024 * 1024

export interface BatchHeader {
  readonly batchBytes: number
  readonly crc: number
  readonly generation: number
  readonly firstSeq: number
  readonly timeMs: number
  readonly count: number
}

/** Fills in the header of a batch, which stands behind it, or will. */
export function sealBatch(
  head: Buffer,
  batch: Buffer,
  header: Omit<BatchHeader, 'batchBytes' | 'crc'>,
): void {
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(batch.length, 4)
  head.writeUInt32LE(header.generation, 12)
  head.writeBigUInt64LE(BigInt(header.firstSeq), 16)
  head.writeBigUInt64LE(BigInt(header.timeMs), 24)
  head.writeUInt32LE(header.count, 32)
  head.writeUInt32LE(0, 36)
  head.writeUInt32LE(checksum(head, batch), CRC_AT)
}

/** Reads a header; undefined where none stands at `at` or it cannot be true. */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined
  const firstSeq = Number(bytes.readBigUInt64LE(at + 16))
  const header: BatchHeader = {
    batchBytes: bytes.readUInt32LE(at + 4),
    crc: bytes.readUInt32LE(at + CRC_AT),
    generation: bytes.readUInt32LE(at + 12),
    firstSeq,
    timeMs: Number(bytes.readBigUInt64LE(at + 24)),
    count: bytes.readUInt32LE(at + 32),
  }
  if (header.batchBytes === 0 || header.batchBytes > MAX_BATCH_BYTES || !Number.isSafeInteger(firstSeq))
    return undefined
  return header
}

/** Whether a whole batch, its header in front, is as it was written. */
export function batchIsWhole(sealed: Buffer, header: BatchHeader): boolean {
  if (sealed.length !== BATCH_HEADER_BYTES + header.batchBytes) return false
  return checksum(sealed.subarray(0, BATCH_HEADER_BYTES), sealed.subarray(BATCH_HEADER_BYTES)) === header.crc
}

function checksum(head: Buffer, batch: Buffer): number {
  const front = crc32(head.subarray(0, CRC_AT))
  return crc32(batch, crc32(head.subarray(CRC_AT + 4, BATCH_HEADER_BYTES), front))
}
