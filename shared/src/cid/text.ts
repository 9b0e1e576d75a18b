const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const VALUES = new Map([...ALPHABET].map((char, value) => [char, value]))

/** String form of a binary CID held in a latin1 string: `b` and base32 without padding (protocol.md W5). */
export function cidText(cid: string): string {
  let text = 'b'
  let bits = 0
  let value = 0
  for (let i = 0; i < cid.length; i++) {
    value = ((value << 8) | cid.charCodeAt(i)) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >>> bits) & 31]
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text
}

/** The binary CID, in a latin1 string, of a string form. Throws RangeError if it is not one. */
export function cidFromText(text: string): string {
  if (text[0] !== 'b') throw new RangeError(`not a base32 CID: ${text}`)
  let cid = ''
  let bits = 0
  let value = 0
  for (let i = 1; i < text.length; i++) {
    const digit = VALUES.get(text[i] as string)
    if (digit === undefined) throw new RangeError(`not a base32 CID: ${text}`)
    value = ((value << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      cid += String.fromCharCode((value >>> bits) & 255)
    }
  }
  return cid
}

/** A binary CID as a latin1 string of 36 characters: compact, and compared with ===. */
export function cidKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
