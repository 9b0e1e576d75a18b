import { createPublicKey, ECDH, type KeyObject, verify } from 'node:crypto'

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point. */
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

/** A point of 33 or 65 bytes as a key, or null when it is not on the curve. 150 µs: make it once per key and keep it. */
export function parseP256(point: Uint8Array): KeyObject | null {
  try {
    const uncompressed = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer
    return createPublicKey({ key: Buffer.concat([SPKI_HEAD, uncompressed]), format: 'der', type: 'spki' })
  } catch {
    // OpenSSL says "not a point" with an exception only.
    return null
  }
}

/** Verifies r and s in range (low-s.ts) over the sha-256 of a message. */
export function verifyP256(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}
