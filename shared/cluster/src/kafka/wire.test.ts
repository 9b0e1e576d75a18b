import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const signed = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })

/** One thing that can be written, and how it is read back. */
type Item = readonly [
  write: (writer: WireWriter) => unknown,
  read: (reader: WireReader) => unknown,
  expected: unknown,
]
const item: fc.Arbitrary<Item> = fc.oneof(
  signed(8).map((n): Item => [(w) => w.int8(n), (r) => r.int8(), n]),
  signed(16).map((n): Item => [(w) => w.int16(n), (r) => r.int16(), n]),
  signed(32).map((n): Item => [(w) => w.int32(n), (r) => r.int32(), n]),
  fc.maxSafeInteger().map((n): Item => [(w) => w.int64(n), (r) => r.int64(), n]),
  fc.nat(2 ** 31 - 1).map((n): Item => [(w) => w.uvarint(n), (r) => r.uvarint(), n]),
  fc.string({ unit: 'binary', maxLength: 400 }).map((s): Item => [(w) => w.string(s), (r) => r.string(), s]),
  fc.constant<Item>([(w) => w.string(null), (r) => r.string(), null]),
  fc
    .string({ unit: 'binary', maxLength: 400 })
    .map((s): Item => [(w) => w.compactString(s), (r) => r.compactString(), s]),
  fc.nat(600).map((n): Item => [(w) => w.zeros(n), (r) => r.raw(n).equals(Buffer.alloc(n)), true]),
)

describe('the primitive types of the protocol', () => {
  it('are read back as they were written, in any row', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 30 }), (items) => {
        const writer = new WireWriter()
        for (const [write] of items) write(writer)
        const reader = new WireReader(Buffer.from(writer.bytes))
        for (const [, read, expected] of items) expect(read(reader)).toEqual(expected)
        expect(() => reader.int8(), 'nothing is left').toThrow(RangeError)
      }),
    )
  })

  it('are written as the guide to the protocol has them', () => {
    const writer = new WireWriter()
      .int8(-1)
      .int16(258)
      .int32(-2)
      .int64(2 ** 40 + 1)
    writer.string('ab').string(null).uvarint(300).compactString('c').zeros(2)
    expect(writer.bytes.toString('hex')).toBe(
      ['ff', '0102', 'fffffffe', '0000010000000001', '00026162', 'ffff', 'ac02', '0263', '0000'].join(''),
    )
  })

  it('never read past the end, whatever the bytes are', () => {
    const reads: ((reader: WireReader) => unknown)[] = [
      (r) => r.int8(),
      (r) => r.int16(),
      (r) => r.int32(),
      (r) => r.int64(),
      (r) => r.string(),
      (r) => r.uvarint(),
      (r) => r.compactString(),
      (r) => r.bytes(),
      (r) => r.tags(),
      (r) => r.array(() => r.int16()),
      (r) => r.compactArray(() => r.int8()),
      (r) => r.skip(3),
    ]
    const order = fc.array(fc.nat(reads.length - 1), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), order, (bytes, which) => {
        const reader = new WireReader(Buffer.from(bytes))
        try {
          for (const i of which) reads[i]?.(reader)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })

  it('bytes are given in place, absent ones as none; arrays of none are empty', () => {
    const bytes = Buffer.from([0, 0, 0, 2, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1, 9])
    const reader = new WireReader(bytes)
    const value = reader.bytes()
    expect([...value]).toEqual([7, 8])
    expect(value.buffer).toBe(bytes.buffer)
    expect(reader.bytes()).toHaveLength(0)
    expect(reader.array(() => reader.int8())).toEqual([])
    expect(reader.compactArray(() => reader.int8())).toEqual([])
    expect(reader.compactString()).toBe('')
    expect(reader.int8()).toBe(9)
  })

  it('an integer that a number cannot hold is refused, a varint without an end, too', () => {
    const large = Buffer.alloc(8)
    large.writeBigInt64BE(2n ** 53n, 0)
    expect(() => new WireReader(large).int64()).toThrow(RangeError)
    expect(() => new WireReader(Buffer.alloc(9, 0xff)).uvarint()).toThrow(RangeError)
  })
})
