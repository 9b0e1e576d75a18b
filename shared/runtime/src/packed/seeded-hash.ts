import { randomBytes } from 'node:crypto'

const seed = randomBytes(8)
const K0 = seed.readInt32LE(0)
const K1 = seed.readInt32LE(4)

/**
 * 32-bit hash of a text: HalfSipHash-1-3 under a key of this process alone. Names come from strangers, who could
 * otherwise choose them so that all fall on one place of a table.
 */
export function seededHash(text: string): number {
  let v0 = K0
  let v1 = K1
  let v2 = K0 ^ 0x6c796765
  let v3 = K1 ^ 0x74656462
  const { length } = text
  // Words of four characters, the last one with the length; then three rounds without a word.
  const words = (length >>> 2) + 1
  for (let round = 0; round < words + 3; round++) {
    let word = 0
    if (round < words) {
      const at = round * 4
      const left = length - at
      if (left >= 4)
        word =
          text.charCodeAt(at) ^
          (text.charCodeAt(at + 1) << 8) ^
          (text.charCodeAt(at + 2) << 16) ^
          (text.charCodeAt(at + 3) << 24)
      else {
        word = length << 24
        for (let i = 0; i < left; i++) word ^= text.charCodeAt(at + i) << (8 * i)
      }
      v3 ^= word
    } else if (round === words) v2 ^= 0xff
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return (v1 ^ v3) >>> 0
}
