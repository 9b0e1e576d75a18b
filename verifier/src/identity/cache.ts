import type { Reason } from '@bgs/shared/verdict/reason.ts'
import type { Identity } from './document.ts'

/** What was found for a DID, and when the look-up began (invariant 13). */
export interface CacheEntry {
  readonly found: Identity | Reason
  readonly startedMs: number
}

/** A document is believed for so long at most (protocol.md D8); purged sooner on #identity, signature failure, mismatch. */
const FRESH_MS = 24 * 3_600_000
/** Conclusive failures are believed for so long (D8). */
const FRESH_FAILURE_MS = 2 * 60_000

/**
 * Identities by DID, bounded in number; two generations stand in for least-recently-used. An entry never replaces
 * one whose look-up began later.
 */
export class IdentityCache {
  readonly #maxEntries: number
  #young = new Map<string, CacheEntry>()
  #old = new Map<string, CacheEntry>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** What is known and still fresh. */
  get(did: string, nowMs: number): CacheEntry | undefined {
    let entry = this.#young.get(did)
    if (entry === undefined) {
      entry = this.#old.get(did)
      if (entry === undefined) return undefined
      this.#old.delete(did)
      this.#young.set(did, entry)
    }
    const age = nowMs - entry.startedMs
    return age < (typeof entry.found === 'string' ? FRESH_FAILURE_MS : FRESH_MS) ? entry : undefined
  }

  /** Forgets those DIDs that `which` says. */
  drop(which: (did: string) => boolean): void {
    for (const generation of [this.#young, this.#old])
      for (const did of generation.keys()) if (which(did)) generation.delete(did)
  }

  put(did: string, entry: CacheEntry): void {
    const known = this.#young.get(did) ?? this.#old.get(did)
    if (known !== undefined && known.startedMs > entry.startedMs) return
    this.#old.delete(did)
    this.#young.set(did, entry)
    if (this.#young.size < this.#maxEntries / 2) return
    this.#old = this.#young
    this.#young = new Map()
  }
}
