import { crc32 } from 'node:zlib'

/**
 * A group is a pack on disk: what one write and one fdatasync make durable. Its header says enough to find the
 * next one without reading the pack, and carries the checksum of header and pack.
 *
 *   u32 magic, u32 bytes of the pack, u32 crc32, u32 generation, u64 first seq, u64 time in ms, u32 count, u32 zero
 */
export const GROUP_HEADER_BYTES = 40
const MAGIC = 0x42475347
const CRC_AT = 8

/** Largest pack that is written, and that is believed when read: a batch of several frames of 5 MB. */
export const MAX_PACK_BYTES = 64 * 1024 * 1024

export interface GroupHeader {
  readonly packBytes: number
  readonly crc: number
  readonly generation: number
  readonly firstSeq: number
  readonly timeMs: number
  readonly count: number
}

/** Fills in the header of a group; the pack stands behind it, or will. */
export function sealGroup(head: Buffer, pack: Buffer, header: Omit<GroupHeader, 'packBytes' | 'crc'>): void {
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(pack.length, 4)
  head.writeUInt32LE(header.generation, 12)
  head.writeBigUInt64LE(BigInt(header.firstSeq), 16)
  head.writeBigUInt64LE(BigInt(header.timeMs), 24)
  head.writeUInt32LE(header.count, 32)
  head.writeUInt32LE(0, 36)
  head.writeUInt32LE(checksum(head, pack), CRC_AT)
}

/** Reads a header; undefined where none stands at `at` or it cannot be true. */
export function readGroupHeader(bytes: Buffer, at: number): GroupHeader | undefined {
  if (at + GROUP_HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined
  const firstSeq = Number(bytes.readBigUInt64LE(at + 16))
  const header: GroupHeader = {
    packBytes: bytes.readUInt32LE(at + 4),
    crc: bytes.readUInt32LE(at + CRC_AT),
    generation: bytes.readUInt32LE(at + 12),
    firstSeq,
    timeMs: Number(bytes.readBigUInt64LE(at + 24)),
    count: bytes.readUInt32LE(at + 32),
  }
  if (header.packBytes === 0 || header.packBytes > MAX_PACK_BYTES || !Number.isSafeInteger(firstSeq))
    return undefined
  return header
}

/** Whether a whole group (header and pack) is as it was written. */
export function groupIsWhole(group: Buffer, header: GroupHeader): boolean {
  if (group.length !== GROUP_HEADER_BYTES + header.packBytes) return false
  return checksum(group.subarray(0, GROUP_HEADER_BYTES), group.subarray(GROUP_HEADER_BYTES)) === header.crc
}

function checksum(head: Buffer, pack: Buffer): number {
  const front = crc32(head.subarray(0, CRC_AT))
  return crc32(pack, crc32(head.subarray(CRC_AT + 4, GROUP_HEADER_BYTES), front))
}
