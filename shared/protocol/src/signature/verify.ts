import { putDigest, sha256 } from '../repo/sha256.ts'
import { type K256Backend, k256 } from './k256.ts'
import { isLowSignature, K256_ORDER, P256_ORDER } from './low-s.ts'
import { verifyP256 } from './p256.ts'
import type { PublicKey } from './public-key.ts'

const digest = new Uint8Array(32)

/**
 * Whether `signature` (64 bytes, r and s, low s) is of the sha-256 of `message` under `key` (protocol.md C8). False
 * for anything else, never an exception.
 */
export function verifySignature(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.curve === 'p256') {
    return isLowSignature(signature, P256_ORDER) && verifyP256(key.key, message, signature)
  }
  if (!isLowSignature(signature, K256_ORDER)) return false
  putDigest(sha256(message, 0, message.length), digest, 0)
  return k256.verify(signature, digest, key.point)
}

/** What verifies the two curves here, for the log at start and a metric. */
export function curveBackends(): { k256: K256Backend; p256: 'node' } {
  return { k256: k256.backend, p256: 'node' }
}
