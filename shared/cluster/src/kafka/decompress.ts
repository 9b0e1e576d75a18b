import { createRequire } from 'node:module'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

/** Names of `compression.type` by their number in a batch's attributes (Kafka documentation, "Record Batch"). */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** In front of what Kafka's Java writes with snappy: then a version, a version that can read it, and blocks with their size. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEAD_BYTES = 16

/** LZ4 frame format: magic, descriptor with its checksum, blocks, an empty one, a checksum of all. */
const LZ4_MAGIC = 0x184d2204
const LZ4_DESCRIPTOR_AT = 4
const LZ4_HAS_BLOCK_CHECKSUMS = 0x10
const LZ4_HAS_SIZE = 0x08
const LZ4_HAS_DICTIONARY = 0x01
const LZ4_IS_STORED = 0x80000000

/**
 * What a broker has compressed because its operator told it to (`compression.type`): nothing here compresses. Never more
 * than `mostBytes`, whatever the bytes claim. Throws on an unknown codec, and on bytes that are not of it.
 */
export function decompress(bytes: Buffer, codec: number, mostBytes: number): Buffer {
  switch (CODECS[codec]) {
    case 'none':
      return bytes
    case 'gzip':
      return gunzipSync(bytes, { maxOutputLength: mostBytes })
    case 'zstd':
      return zstdDecompressSync(bytes, { maxOutputLength: mostBytes })
    case 'snappy':
      return snappy(bytes, mostBytes)
    case 'lz4':
      checkLz4(bytes, mostBytes)
      return libraries().lz4.decompressFrameSync(bytes)
    default:
      throw new RangeError(`compression ${codec} is not known here`)
  }
}

interface Libraries {
  readonly snappy: typeof import('snappy')
  readonly lz4: typeof import('lz4-napi')
}
let loaded: Libraries | undefined

/** Native code that hardly a relay ever needs: where it cannot be loaded, nobody else is to notice. */
function libraries(): Libraries {
  const require = createRequire(import.meta.url)
  loaded ??= { snappy: require('snappy'), lz4: require('lz4-napi') }
  return loaded
}

function snappy(bytes: Buffer, mostBytes: number): Buffer {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return snappyBlock(bytes, mostBytes)
  const blocks: Buffer[] = []
  let left = mostBytes
  for (let at = XERIAL_HEAD_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new RangeError('a block of snappy ends early')
    const block = snappyBlock(bytes.subarray(at + 4, end), left)
    blocks.push(block)
    left -= block.length
    at = end
  }
  return Buffer.concat(blocks)
}

function snappyBlock(bytes: Buffer, mostBytes: number): Buffer {
  // Its size stands in front as a varint.
  let size = 0
  for (let at = 0, scale = 1; at < 5; at++, scale *= 128) {
    const byte = bytes.readUInt8(at)
    size += (byte & 0x7f) * scale
    if (byte < 0x80) break
  }
  if (size > mostBytes) throw tooMuch(mostBytes)
  return libraries().snappy.uncompressSync(bytes, { asBuffer: true }) as Buffer
}

/** Throws where the blocks of a frame could hold more than so many bytes, but for one block. */
function checkLz4(bytes: Buffer, mostBytes: number): void {
  if (bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('not a frame of LZ4')
  const flags = bytes.readUInt8(LZ4_DESCRIPTOR_AT)
  const sizeCode = (bytes.readUInt8(LZ4_DESCRIPTOR_AT + 1) >> 4) & 0x07
  if (sizeCode < 4) throw new RangeError('a frame of LZ4 with blocks of no known size')
  // 4: 64 KiB, 5: 256 KiB, 6: 1 MiB, 7: 4 MiB.
  const blockBytes = 2 ** (8 + 2 * sizeCode)
  let at = LZ4_DESCRIPTOR_AT + 3
  if ((flags & LZ4_HAS_SIZE) !== 0) at += 8
  if ((flags & LZ4_HAS_DICTIONARY) !== 0) at += 4
  for (let left = mostBytes + blockBytes; ; ) {
    const head = bytes.readUInt32LE(at)
    if (head === 0) return
    const isStored = head >= LZ4_IS_STORED
    const size = isStored ? head - LZ4_IS_STORED : head
    left -= isStored ? size : blockBytes
    if (left < 0) throw tooMuch(mostBytes)
    at += 4 + size + ((flags & LZ4_HAS_BLOCK_CHECKSUMS) !== 0 ? 4 : 0)
  }
}

function tooMuch(mostBytes: number): RangeError {
  return new RangeError(`more than ${mostBytes} bytes when decompressed`)
}
