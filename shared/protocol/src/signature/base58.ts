const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** No key of ours is longer; keeps the quadratic decoding small. */
const MAX_LENGTH = 256

/** Decodes base58btc, without a multibase prefix. Null when a character is none of it. */
export function decodeBase58(text: string): Uint8Array | null {
  if (text.length > MAX_LENGTH) return null
  const digits: number[] = []
  for (const character of text) {
    let carry = ALPHABET.indexOf(character)
    if (carry < 0) return null
    for (let i = 0; i < digits.length; i++) {
      carry += digits[i]! * 58
      digits[i] = carry & 255
      carry >>= 8
    }
    while (carry > 0) {
      digits.push(carry & 255)
      carry >>= 8
    }
  }
  for (let i = 0; text[i] === '1'; i++) digits.push(0)
  return Uint8Array.from(digits.reverse())
}
