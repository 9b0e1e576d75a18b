import { DidCache } from '@bgs/runtime/packed/did-cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import { packEntry, packed, packedStartedMs, unpackEntry } from './packed-entry.ts'

/** A document is believed for so long at most (protocol.md D8); purged sooner on #identity, signature failure, mismatch. */
const FRESH_MS = 24 * 3_600_000
/** Conclusive failures are believed for so long (D8). */
const FRESH_FAILURE_MS = 2 * 60_000

/**
 * Identities by DID, packed off the heap and bounded in bytes; the ones not used lately are forgotten. An entry never
 * replaces one whose look-up began later.
 */
export class IdentityCache {
  readonly #records: DidCache

  constructor(maxBytes: number) {
    this.#records = new DidCache(maxBytes)
  }

  get size(): number {
    return this.#records.size
  }

  /** What is known and still fresh. */
  get(did: string, nowMs: number): CacheEntry | undefined {
    const slot = this.#records.get(did)
    if (slot === undefined) return undefined
    const entry = unpackEntry(did, slot)
    const age = nowMs - entry.startedMs
    return age < (typeof entry.found === 'string' ? FRESH_FAILURE_MS : FRESH_MS) ? entry : undefined
  }

  /** Whether a document of it was ever found and is not forgotten yet, fresh or not. */
  hasDocument(did: string): boolean {
    const slot = this.#records.get(did)
    return slot !== undefined && typeof unpackEntry(did, slot).found !== 'string'
  }

  /** Forgets those DIDs that `which` says. */
  drop(which: (did: string) => boolean): void {
    this.#records.drop(which)
  }

  put(did: string, entry: CacheEntry): void {
    const known = this.#records.get(did)
    if (known !== undefined && packedStartedMs(known) > entry.startedMs) return
    const bytes = packEntry(entry)
    // One of a size that no proper document has is looked up each time.
    if (bytes > 0) this.#records.put(did, packed, bytes)
    else this.#records.delete(did)
  }
}
