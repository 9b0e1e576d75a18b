import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import {
  finish,
  newWriter,
  writeBool,
  writeBytes,
  writeCid,
  writeMap,
  writeNull,
  writeText,
  writeUint,
} from './writer.ts'

const CID_TEXT = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'

test('writes the bytes that the reference writes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.uint8Array(),
      fc.boolean(),
      (a, b, c, d) => {
        const int = Math.abs(b)
        const cid = CID.parse(CID_TEXT)
        const writer = newWriter(1)
        writeMap(writer, 6)
        for (const [key, write] of [
          ['a', () => writeText(writer, a)],
          ['b', () => writeUint(writer, int)],
          ['c', () => writeBytes(writer, c)],
          ['d', () => writeBool(writer, d)],
          ['e', () => writeNull(writer)],
          ['f', () => writeCid(writer, cid.bytes)],
        ] as const) {
          writeText(writer, key)
          write()
        }
        expect(finish(writer)).toEqual(Uint8Array.from(encode({ a, b: int, c, d, e: null, f: cid })))
      },
    ),
  )
})

test.each([0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER])(
  'int %d',
  (int) => {
    const writer = newWriter()
    writeUint(writer, int)
    expect(finish(writer)).toEqual(Uint8Array.from(encode(int)))
  },
)
