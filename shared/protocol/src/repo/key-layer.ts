import { sha256 } from './sha256.ts'

/**
 * Layer of a key in the tree (protocol.md 3.4): leading zero bits of its sha-256, halved. A commit has dozens of keys
 * of 30 to 50 bytes, for which one call into native code costs more than the hash: so keys that fit one block of
 * sha-256 are hashed here, and only as far as the first word of the digest, which is all that a layer below 16 needs.
 */
const ONE_BLOCK_BYTES = 55

const ROUND_CONSTANTS = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
])

const schedule = new Int32Array(64)

/** The layer of the key `bytes[at, end)`. */
export function keyLayer(bytes: Uint8Array, at: number, end: number): number {
  if (end - at <= ONE_BLOCK_BYTES) {
    const word = firstDigestWord(bytes, at, end - at)
    if (word !== 0) return Math.clz32(word) >> 1
  }
  return digestLayer(sha256(bytes, at, end))
}

function digestLayer(digest: string): number {
  let zeros = 0
  for (let i = 0; i < digest.length; i++) {
    const byte = digest.charCodeAt(i)
    zeros += Math.clz32(byte) - 24
    if (byte !== 0) break
  }
  return zeros >> 1
}

/** The first 32 bits of the sha-256 of a message of at most 55 bytes. */
function firstDigestWord(bytes: Uint8Array, at: number, length: number): number {
  const w = schedule
  const fullWords = length >> 2
  for (let i = 0; i < fullWords; i++) {
    const j = at + (i << 2)
    w[i] = (bytes[j]! << 24) | (bytes[j + 1]! << 16) | (bytes[j + 2]! << 8) | bytes[j + 3]!
  }
  let rest = 0
  for (let j = at + (fullWords << 2); j < at + length; j++) rest = (rest << 8) | bytes[j]!
  const spare = 3 - (length & 3)
  w[fullWords] = ((rest << 8) | 0x80) << (8 * spare)
  w.fill(0, fullWords + 1, 15)
  w[15] = length << 3
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!
    const y = w[i - 2]!
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0
  }
  return compressFirstWord(w)
}

function compressFirstWord(w: Int32Array): number {
  const k = ROUND_CONSTANTS
  let a = 0x6a09e667
  let b = 0xbb67ae85 | 0
  let c = 0x3c6ef372
  let d = 0xa54ff53a | 0
  let e = 0x510e527f
  let f = 0x9b05688c | 0
  let g = 0x1f83d9ab
  let h = 0x5be0cd19
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  return (a + 0x6a09e667) | 0
}
