/**
 * 32-bit hash of a DID: FNV-1a over its characters with a final avalanche. It decides the partition and stands
 * beside each stored frame, so it must never change without a new generation of the topics (invariant 17).
 */
export function hashDid(did: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < did.length; i++) {
    hash ^= did.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  return hash >>> 0
}

/** The partition of `raw` and `verified` that carries a DID. */
export function partitionOf(did: string, partitions: number): number {
  return hashDid(did) % partitions
}
