import { parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { verifySignature } from '@bgs/protocol/signature/verify.ts'
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { cachedPublicKey } from './key-cache.ts'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function multibase(codec: readonly number[], point: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(Uint8Array.of(...codec, ...point)).toString('hex')}`)
  let text = ''
  for (; value > 0n; value /= 58n) text = ALPHABET[Number(value % 58n)] + text
  return `z${text}`
}

describe('parsed keys', () => {
  it.each([
    { name: 'k256', curve: secp256k1, codec: [0xe7, 0x01], count: 300 },
    // More than are kept as objects, so that some are made from their points again.
    { name: 'p256', curve: p256, codec: [0x80, 0x24], count: 2_500 },
  ])(
    'of $name verify the same each time, and are told apart',
    { timeout: 60_000 },
    ({ curve, codec, count }) => {
      const message = new Uint8Array(50).fill(7)
      let point = curve.Point.BASE
      const texts = Array.from({ length: count }, () => {
        point = point.add(curve.Point.BASE)
        return multibase(codec, point.toBytes(true))
      })
      const { secretKey, publicKey } = curve.keygen()
      const signature = curve.sign(message, secretKey, { lowS: true })
      const mine = `Multikey ${multibase(codec, publicKey)}`
      for (let round = 0; round < 2; round++) {
        expect(verifySignature(cachedPublicKey(mine), message, signature)).toBe(true)
        for (const text of texts) {
          const known = cachedPublicKey(`Multikey ${text}`)
          expect(known.point.length).toBe(65)
        }
      }
      const [first = ''] = texts
      const parsed = parsePublicKey('Multikey', first)
      expect(Buffer.from(cachedPublicKey(`Multikey ${first}`).point)).toEqual(
        Buffer.from(parsed?.point ?? []),
      )
      expect(verifySignature(cachedPublicKey(`Multikey ${first}`), message, signature)).toBe(false)
      expect(verifySignature(cachedPublicKey(mine), message, signature)).toBe(true)
    },
  )

  it('that are none are a fault of ours', () => {
    expect(() => cachedPublicKey('Multikey zzz')).toThrow('a key that was valid')
  })
})
