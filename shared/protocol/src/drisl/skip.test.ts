import { poisoned } from '@bgs/testkit/poison.ts'
import { readVectorJson, vectorsOr } from '@bgs/testkit/vectors.ts'
import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { newCursor, openCursor } from './cursor.ts'
import { skipStrict } from './skip.ts'
import { isCborMap, skipQuick } from './skip-quick.ts'

/** The fault of the whole input as one item, 'trailing' when bytes are left, null when it is DRISL. */
function faultOf(bytes: Uint8Array): string | null {
  const cursor = openCursor(newCursor(), bytes)
  if (!skipStrict(cursor, 1)) return cursor.fault
  return cursor.at === bytes.length ? null : 'trailing'
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

const CID_TEXT = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'

const value = fc.letrec((tie) => ({
  item: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.constant(CID.parse(CID_TEXT)),
    fc.array(tie('item'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('item'), { maxKeys: 5 }),
  ),
})).item

describe('strict DRISL (W4, W6)', () => {
  test('takes what the reference encodes', () => {
    fc.assert(
      fc.property(value, (item) => {
        expect(faultOf(poisoned(encode(item)))).toBeNull()
      }),
    )
  })

  test('is cut at every byte: truncated, never taken', () => {
    fc.assert(
      fc.property(value, (item) => {
        const bytes = encode(item)
        for (let length = 0; length < Math.min(bytes.length, 64); length++) {
          expect(faultOf(poisoned(bytes.subarray(0, length)))).toBe('frame-malformed')
        }
      }),
    )
  })

  test('any bytes give a verdict and stay inside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const inside = poisoned(bytes)
        for (const skip of [(c: ReturnType<typeof newCursor>) => skipStrict(c, 1), skipQuick]) {
          const cursor = openCursor(newCursor(), inside)
          const isDuplicate = skip(cursor)
          expect(cursor.at).toBeLessThanOrEqual(bytes.length)
          expect(isDuplicate).toBe(cursor.fault === null)
        }
        isCborMap(inside, 0, inside.length)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['an int not in shortest form', '18 17'],
    ['a length not in shortest form', '58 01 00'],
    ['a 16-bit int that fits 8 bits', '19 00ff'],
    ['a 64-bit int that fits 32 bits', '1b 00000000ffffffff'],
    ['a half float', 'f9 3c00'],
    ['a float', 'fa 3f800000'],
    ['a double', 'fb 3ff0000000000000'],
    ['NaN', 'f9 7e00'],
    ['undefined', 'f7'],
    ['another simple value', 'e0'],
    ['a simple value in two bytes', 'f8 ff'],
    ['a key that is no text', 'a1 01 02'],
    ['keys out of order', 'a2 6162 01 6161 02'],
    ['keys out of order by length', 'a2 626161 01 6162 02'],
    ['a key twice', 'a2 6161 01 6161 02'],
    ['another tag', 'c1 00'],
    ['a CID without its zero', 'd8 2a 42 0155'],
    ['a CID that is text', 'd8 2a 61 00'],
    ['text that is not UTF-8', '61 ff'],
    ['a surrogate in UTF-8', '63 eda080'],
    ['an overlong form in UTF-8', '62 c080'],
  ])('%s is not canonical', (_name, text) => {
    expect(faultOf(hex(text))).toBe('frame-not-canonical')
  })

  test.each([
    ['nothing', ''],
    ['an indefinite map', 'bf ff'],
    ['an indefinite text', '7f 6161 ff'],
    ['a break', 'ff'],
    ['a reserved length', '1c'],
    ['a count that lies', '9a 00010000'],
  ])('%s is malformed', (_name, text) => {
    expect(faultOf(hex(text))).toBe('frame-malformed')
  })

  test('guards', () => {
    expect(faultOf(hex(`${'81'.repeat(31)}80`))).toBeNull()
    expect(faultOf(hex(`${'81'.repeat(32)}80`))).toBe('frame-over-guard')
    expect(faultOf(hex('9a 00020001'))).toBe('frame-over-guard')
    expect(faultOf(encode({ ['k'.repeat(8_192)]: 1 }))).toBeNull()
    expect(faultOf(encode({ ['k'.repeat(8_193)]: 1 }))).toBe('frame-over-guard')
    expect(faultOf(hex(`d82a 5866 00 ${'01'.repeat(101)}`))).toBe('frame-over-guard')
  })

  test('long texts are checked as short ones are', () => {
    for (const length of [95, 96, 97, 5_000]) {
      const text = encode('x'.repeat(length))
      expect(faultOf(text)).toBeNull()
      text[text.length - 1] = 0x80
      expect(faultOf(text)).toBe('frame-not-canonical')
    }
  })

  test('64 bits are the most of an int', () => {
    expect(faultOf(hex('1b ffffffffffffffff'))).toBeNull()
    expect(faultOf(hex('3b ffffffffffffffff'))).toBeNull()
  })
})

describe('a record need only be a CBOR map (C11)', () => {
  test.each([
    ['a float', 'a1 6161 fb 3ff0000000000000', true],
    ['keys out of order', 'a2 6162 01 6161 02', true],
    ['another tag', 'a1 6161 c1 00', true],
    ['a list', '80', false],
    ['text', '6161', false],
    ['bytes after it', 'a0 00', false],
    ['truncated', 'a1 6161', false],
    ['indefinite', 'bf ff', false],
  ])('%s', (_name, text, isMap) => {
    const bytes = hex(text)
    expect(isCborMap(poisoned(bytes), 0, bytes.length)).toBe(isMap)
  })
})

const DATA_MODEL = ['fixtures', 'valid', 'invalid'].map(
  (name) => `interop/data-model/data-model-${name}.json`,
)
type Noted = { note: string; json: unknown }

const dataModel = await vectorsOr(
  DATA_MODEL,
  () => ({
    items: readVectorJson<{ cbor_base64: string }[]>(DATA_MODEL[0]!).map(({ cbor_base64 }) =>
      Uint8Array.from(Buffer.from(cbor_base64, 'base64')),
    ),
    valid: readVectorJson<Noted[]>(DATA_MODEL[1]!),
    invalid: readVectorJson<Noted[]>(DATA_MODEL[2]!),
  }),
  () => ({
    items: [
      {
        string: 'abc',
        unicode: 'a~öñ©⽘☎𓋓😀👨‍👩‍👧‍👧',
        integer: 123,
        bool: true,
        null: null,
        array: ['abc'],
        object: { a: 1 },
      },
      {
        a: CID.parse(CID_TEXT),
        b: Uint8Array.of(1, 2, 3),
        c: { $type: 'blob', ref: CID.parse(CID_TEXT), size: 10_000 },
      },
      [{ a: [] }, [[]], -1],
    ].map((item) => Uint8Array.from(encode(item))),
    valid: [
      { note: 'a record', json: { rcrd: { $type: 'com.example.blah', a: 123, b: 'blah' } } },
      { note: 'a float that is an integer', json: { a: 123.0 } },
      { note: 'empty list and object', json: { a: [], b: {} } },
      {
        note: 'lists of lists and of null',
        json: {
          a: [
            [1, 2],
            [null, null],
          ],
          b: [1, null],
        },
      },
    ],
    invalid: [{ note: 'float', json: { rcrd: { $type: 'com.example.blah', a: 123.456, b: 'blah' } } }],
  }),
)

describe(`data-model vectors (${dataModel.origin})`, { meta: dataModel.meta }, () => {
  const { items, valid, invalid } = dataModel.cases

  test('the fixtures are DRISL', () => {
    for (const item of items) expect(faultOf(item)).toBeNull()
  })

  test('the float among the invalid ones is refused on the wire', () => {
    const float = invalid.find(({ note }) => note === 'float')
    expect(faultOf(encode(float?.json))).toBe('frame-not-canonical')
  })

  test('the valid ones that JSON alone can say are taken', () => {
    for (const { note, json } of valid) expect(faultOf(encode(json)), note).toBeNull()
  })
})
