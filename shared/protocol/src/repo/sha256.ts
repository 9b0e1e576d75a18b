import { hash } from 'node:crypto'

const DIGEST_BYTES = 32

/**
 * The sha-256 of `bytes[at, end)`, one character a byte. A digest asked for as a Buffer costs three times as much as
 * the hash of a small block; a string of single bytes costs nothing beside it (measured).
 */
export function sha256(bytes: Uint8Array, at: number, end: number): string {
  return hash('sha256', bytes.subarray(at, end), 'binary')
}

/** Whether the 32 bytes at `digestAt` are this digest. */
export function isDigestAt(digest: string, bytes: Uint8Array, digestAt: number): boolean {
  for (let i = 0; i < DIGEST_BYTES; i++) {
    if (digest.charCodeAt(i) !== bytes[digestAt + i]) return false
  }
  return true
}

/** Writes a digest to `bytes` at `at`. */
export function putDigest(digest: string, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < DIGEST_BYTES; i++) bytes[at + i] = digest.charCodeAt(i)
}
