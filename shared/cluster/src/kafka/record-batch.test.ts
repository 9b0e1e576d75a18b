import { gzipSync, zstdCompressSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import * as lz4 from 'lz4-napi'
import * as snappy from 'snappy'
import { describe, expect, it } from 'vitest'
import { BadBatchError, encodeBatch, MAX_RECORD_BYTES, readBatches } from './record-batch.ts'

const NOW = 1_790_000_000_123

/** One batch as a broker gives it back: at its offset. */
function stored(value: Uint8Array, offset: number, timeMs = NOW): Buffer {
  const bytes = Buffer.concat(encodeBatch(value, timeMs))
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}

interface Foreign {
  readonly offset?: number
  readonly attributes?: number
  readonly magic?: number
  readonly records: readonly { readonly value: Buffer | null; readonly key?: Buffer }[]
  readonly compress?: (bytes: Buffer) => Buffer
}

/** A batch of several records as other clients write it: built by hand from Kafka's documentation, "Record Batch". */
function foreign({ offset = 0, attributes = 0, magic = 2, records, compress }: Foreign): Buffer {
  const bodies = records.map(({ value, key }, i) => {
    const body = Buffer.concat([
      Buffer.from([0, ...varint(i * 3), ...varint(i)]),
      ...(key === undefined ? [Buffer.from(varint(-1))] : [Buffer.from(varint(key.length)), key]),
      ...(value === null ? [Buffer.from(varint(-1))] : [Buffer.from(varint(value.length)), value]),
      // One header: a name and a value.
      Buffer.from([...varint(1), ...varint(1), 0x61, ...varint(2), 1, 2]),
    ])
    return Buffer.concat([Buffer.from(varint(body.length)), body])
  })
  const head = Buffer.alloc(61)
  const body = Buffer.concat(bodies)
  const bytes = Buffer.concat([head, compress?.(body) ?? body])
  bytes.writeBigInt64BE(BigInt(offset), 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(magic, 16)
  bytes.writeInt16BE(attributes, 21)
  bytes.writeInt32BE(records.length - 1, 23)
  bytes.writeBigInt64BE(BigInt(NOW), 27)
  bytes.writeBigInt64BE(BigInt(NOW), 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt32BE(records.length, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

/** Zigzag, then seven bits a byte. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}

/** As Kafka's Java writes snappy: a head, then blocks of 32 KiB with their size. */
function xerial(bytes: Buffer): Buffer {
  const parts = [Buffer.from('82534e41505059000000000100000001', 'hex')]
  for (let at = 0; at < bytes.length; at += 32_768) {
    const block = snappy.compressSync(bytes.subarray(at, at + 32_768))
    const size = Buffer.alloc(4)
    size.writeUInt32BE(block.length)
    parts.push(size, Buffer.from(block))
  }
  return Buffer.concat(parts)
}

describe('a batch around one value', () => {
  // Where the varints of the lengths grow by a byte, and beyond.
  it.each([0, 1, 54, 55, 63, 64, 8_182, 8_183, 8_191, 8_192, 1_048_576, 2 * 2 ** 20])(
    'of %i bytes is read back',
    (bytes) => {
      const value = Buffer.alloc(bytes, 0xa7)
      const records = readBatches(stored(value, 41), 0)
      expect(records).toMatchObject([{ offset: 41, timeMs: NOW }])
      expect(records[0]?.value.equals(value)).toBe(true)
    },
  )

  it('is read back whatever is in it, and the value is not copied on the way out', () => {
    const value = fc.uint8Array({ maxLength: 20_000 })
    fc.assert(
      fc.property(value, fc.maxSafeNat(), fc.maxSafeNat(), (bytes, offset, timeMs) => {
        expect(encodeBatch(bytes, timeMs)[1]).toBe(bytes)
        const [record] = readBatches(stored(bytes, offset, timeMs), 0)
        expect(record).toMatchObject({ offset, timeMs })
        expect(record?.value.equals(bytes)).toBe(true)
      }),
    )
  })
})

describe('what a broker answers', () => {
  it('gives the records of all batches, from an offset in the middle of one on', () => {
    const values = ['a', 'b', 'c', 'd', 'e'].map((text) => Buffer.from(text))
    const [a, b, c, d, e] = values as [Buffer, Buffer, Buffer, Buffer, Buffer]
    const bytes = Buffer.concat([
      stored(a, 7),
      foreign({ offset: 8, records: [{ value: b }, { value: c, key: Buffer.from('key') }, { value: d }] }),
      stored(e, 20),
    ])
    const offsets = (from: number) => readBatches(bytes, from).map(({ offset }) => offset)
    expect(offsets(0)).toEqual([7, 8, 9, 10, 20])
    expect(offsets(9)).toEqual([9, 10, 20])
    expect(offsets(11)).toEqual([20])
    expect(offsets(21)).toEqual([])
    const read = readBatches(bytes, 0)
    expect(read.map(({ value }) => value.toString())).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(read[2]?.timeMs).toBe(NOW + 3)
  })

  it('leaves out a batch that was cut off at the end, wherever it was cut', () => {
    const whole = stored(Buffer.from('whole'), 1)
    const bytes = Buffer.concat([whole, stored(Buffer.from('cut off'), 2)])
    for (let end = whole.length; end < bytes.length; end++)
      expect(readBatches(bytes.subarray(0, end), 0).map(({ offset }) => offset)).toEqual([1])
  })

  it('skips control batches, and takes a record without a value for an empty one', () => {
    const bytes = Buffer.concat([
      foreign({ offset: 3, attributes: 0x20, records: [{ value: Buffer.from('commit') }] }),
      foreign({ offset: 4, records: [{ value: null }] }),
    ])
    expect(readBatches(bytes, 0)).toEqual([{ offset: 4, timeMs: NOW, epoch: 0, value: Buffer.alloc(0) }])
  })

  it('refuses a batch of which any bit behind the checksum is wrong', () => {
    const right = stored(Buffer.from('value'), 5)
    for (let at = 17; at < right.length; at++) {
      const wrong = Buffer.from(right)
      wrong[at] = (wrong[at] as number) ^ (1 << (at % 8))
      expect(() => readBatches(wrong, 0), `byte ${at}`).toThrow(BadBatchError)
    }
  })

  it.each<[string, number, (bytes: Buffer) => Buffer]>([
    ['gzip', 1, gzipSync],
    ['snappy', 2, (bytes) => snappy.compressSync(bytes)],
    ['snappy as Java writes it', 2, xerial],
    ['lz4', 3, (bytes) => lz4.compressFrameSync(bytes)],
    ['zstd', 4, zstdCompressSync],
  ])('reads what a broker was set to compress with %s', (_name, attributes, compress) => {
    const values = ['a', 'b'.repeat(50_000), ''].map((text) => Buffer.from(text))
    const records = values.map((value) => ({ value }))
    const bytes = Buffer.concat([
      foreign({ offset: 4, attributes, records, compress }),
      stored(Buffer.from('plain'), 7),
    ])
    const read = readBatches(bytes, 5).map(({ offset, value }) => [offset, value.toString()])
    expect(read).toEqual([
      [5, 'b'.repeat(50_000)],
      [6, ''],
      [7, 'plain'],
    ])
    expect(() => readBatches(foreign({ attributes, records }), 0), 'not so compressed').toThrow()
  })

  it.each<[string, number, (bytes: Buffer) => Buffer]>([
    ['gzip', 1, gzipSync],
    ['snappy', 2, (bytes) => snappy.compressSync(bytes)],
    ['snappy as Java writes it', 2, xerial],
    ['lz4', 3, (bytes) => lz4.compressFrameSync(bytes)],
    ['zstd', 4, zstdCompressSync],
  ])(
    'takes no more memory than a batch may have, however much %s could become',
    (_name, attributes, compress) => {
      const records = [{ value: Buffer.alloc(4 * MAX_RECORD_BYTES) }]
      const bomb = foreign({ attributes, records, compress })
      expect(() => readBatches(bomb, 0)).toThrow(BadBatchError)
      const most = foreign({ attributes, records: [{ value: Buffer.alloc(MAX_RECORD_BYTES) }], compress })
      expect(readBatches(most, 0)).toHaveLength(1)
    },
  )

  it('refuses a compression that it does not know', () => {
    const bytes = foreign({ attributes: 5, records: [{ value: Buffer.from('?') }] })
    expect(() => readBatches(bytes, 0)).toThrow(BadBatchError)
  })

  it.each([1, 2, 3, 4])(
    'refuses noise that claims to be compressed with %i, and survives it',
    (attributes) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
          const compress = () => Buffer.from(noise)
          const bytes = foreign({ attributes, records: [{ value: Buffer.from('?') }], compress })
          try {
            readBatches(bytes, 0)
          } catch (error) {
            expect(error).toBeInstanceOf(BadBatchError)
          }
        }),
      )
    },
  )

  it('refuses another format', () => {
    const bytes = foreign({ magic: 1, records: [{ value: Buffer.from('old') }] })
    expect(() => readBatches(bytes, 0)).toThrow('of format 1')
  })

  it('says what it takes exception to, or gives records, but never reads past the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(200), (noise, at) => {
        const bytes = Buffer.concat([stored(Buffer.from('value'), 5), stored(Buffer.from('more'), 6)])
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
        try {
          for (const { value } of readBatches(bytes, 0)) expect(value.length).toBeLessThan(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect((error as Error).name).toBe('BadBatchError')
        }
      }),
    )
  })
})
