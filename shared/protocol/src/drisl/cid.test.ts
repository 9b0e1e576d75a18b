import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import { CID_BYTES, cidFromText, cidToText, equalCids, isDrislCid, isSha256Cid } from './cid.ts'

const cid = fc
  .tuple(fc.constantFrom(0x71, 0x55), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([codec, digest]) => Uint8Array.of(1, codec, 0x12, 0x20, ...digest))

test('text and bytes agree with multiformats', () => {
  fc.assert(
    fc.property(cid, (bytes) => {
      const text = CID.decode(bytes).toString()
      expect(cidToText(bytes)).toBe(text)
      expect(cidFromText(text)).toEqual(bytes)
      expect(isSha256Cid(bytes, 0, bytes.length)).toBe(true)
      expect(isDrislCid(bytes, 0, bytes.length)).toBe(bytes[1] === 0x71)
    }),
  )
})

test('other texts are no CID', () => {
  const text = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'
  for (const other of [
    '',
    text.slice(1),
    `z${text.slice(1)}`,
    text.toUpperCase(),
    `${text}a`,
    `${text.slice(0, -1)}n`,
  ]) {
    expect(cidFromText(other), other).toBeNull()
  }
  expect(cidFromText('QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG')).toBeNull()
})

test('a difference anywhere is one', () => {
  fc.assert(
    fc.property(cid, fc.nat(CID_BYTES - 1), (bytes, at) => {
      const other = Uint8Array.from(bytes)
      expect(equalCids(bytes, 0, other, 0)).toBe(true)
      other[at] = other[at]! ^ 1
      expect(equalCids(bytes, 0, other, 0)).toBe(false)
    }),
  )
})
