/**
 * CIDs as they are on the wire (protocol.md W5): version 1, one codec byte, sha2-256, 32 bytes of digest, so always
 * 36 bytes. Kept binary everywhere; text only for people and for XRPC answers.
 */
export const CID_BYTES = 36
export const DIGEST_AT = 4
const CODEC_DRISL = 0x71

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const TEXT_LENGTH = 59

/** Whether `length` bytes at `at` are a CID of version 1 with sha2-256, of any codec. */
export function isSha256Cid(bytes: Uint8Array, at: number, length: number): boolean {
  return (
    length === CID_BYTES &&
    bytes[at] === 1 &&
    bytes[at + 1]! < 0x80 &&
    bytes[at + 2] === 0x12 &&
    bytes[at + 3] === 0x20
  )
}

/** The same of the codec that commits and tree nodes must have. */
export function isDrislCid(bytes: Uint8Array, at: number, length: number): boolean {
  return isSha256Cid(bytes, at, length) && bytes[at + 1] === CODEC_DRISL
}

/** Whether the CIDs of 36 bytes at the two places are the same. Compared from the end: the start is nearly always. */
export function equalCids(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = CID_BYTES - 1; i >= 0; i--) {
    if (a[aAt + i] !== b[bAt + i]) return false
  }
  return true
}

/** `b` and base32 in lower case. */
export function cidToText(cid: Uint8Array): string {
  let text = 'b'
  let bits = 0
  let buffer = 0
  for (const byte of cid) {
    buffer = ((buffer << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(buffer >> bits) & 31]
    }
  }
  if (bits > 0) text += ALPHABET[(buffer << (5 - bits)) & 31]
  return text
}

/** The 36 bytes of a CID in text, or null when it is not one of the form above. */
export function cidFromText(text: string): Uint8Array | null {
  if (text.length !== TEXT_LENGTH || text[0] !== 'b') return null
  const cid = new Uint8Array(CID_BYTES)
  let bits = 0
  let buffer = 0
  let at = 0
  for (let i = 1; i < text.length; i++) {
    const value = ALPHABET.indexOf(text[i]!)
    if (value < 0) return null
    buffer = ((buffer << 5) | value) & 0xffff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      cid[at++] = (buffer >> bits) & 255
    }
  }
  const hasSpareBits = (buffer & ((1 << bits) - 1)) !== 0
  return !hasSpareBits && isSha256Cid(cid, 0, cid.length) ? cid : null
}
