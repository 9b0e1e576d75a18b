import { createPublicKey, ECDH, type KeyObject, verify } from 'node:crypto'

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point. */
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

/** The uncompressed form of a point of 33 or 65 bytes, or null when it is not on the curve. 50 µs. */
export function parseP256(point: Uint8Array): Uint8Array | null {
  try {
    return ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer
  } catch {
    // OpenSSL says "not a point" with an exception only.
    return null
  }
}

/** The key of an uncompressed point of the curve. 60 µs, and more than 2 KB outside the heap. */
export function p256Key(point: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, point]), format: 'der', type: 'spki' })
}

/**
 * Verifies r and s in range (low-s.ts) over the sha-256 of a message. As DER with a bare key: told of the encoding in an
 * object of options, Node takes the key apart anew for each signature, which costs more than half of a verification.
 */
export function verifyP256(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  der[0] = SEQUENCE
  const end = putInteger(putInteger(2, signature, 0), signature, SCALAR_BYTES)
  der[1] = end - 2
  return verify('sha256', message, key, der.subarray(0, end))
}

const SCALAR_BYTES = 32
const SEQUENCE = 0x30
const INTEGER = 0x02
/** Two integers of at most 33 bytes, each with its head, and the head of the sequence. */
const der = new Uint8Array(2 + 2 * (2 + SCALAR_BYTES + 1))

/** Writes the 32 bytes at `at`, a number above 0, as an integer of DER at `to`; returns where it ends. */
function putInteger(to: number, bytes: Uint8Array, at: number): number {
  const end = at + SCALAR_BYTES
  let start = at
  while (start < end - 1 && bytes[start] === 0) start++
  // A first bit that is set would be a sign.
  const pad = (bytes[start] as number) >= 0x80 ? 1 : 0
  der[to] = INTEGER
  der[to + 1] = end - start + pad
  der[to + 2] = 0
  der.set(bytes.subarray(start, end), to + 2 + pad)
  return to + 2 + pad + end - start
}
