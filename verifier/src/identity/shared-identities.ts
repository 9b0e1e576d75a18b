import type { CacheEntry } from './cache-entry.ts'
import type { Identity } from './document.ts'

/** What one verifier found out serves the others (protocol.md D9). May forget anything at any time. */
export interface SharedIdentities {
  /** What is known of a DID. To be asked before each look-up, for it brings the time that `put` notes. */
  get(did: string): Promise<(CacheEntry & { readonly found: Identity }) | undefined>
  /** Keeps an identity, unless a look-up that began later is known already. Returns at once. */
  put(entry: CacheEntry & { readonly found: Identity }): void
}
