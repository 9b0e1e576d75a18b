import type { LocalStatus } from './status.ts'

/** What operators, hosts' lives and re-checks say to the sequencer, in order (invariant 7). */
export type ControlMessage =
  /** Nothing but that this way is open: it becomes an entry of its own in the log, which nobody is sent. */
  | { readonly kind: 'heartbeat' }
  /** A host began a new sequence: positions of the old one no longer hold its frames back (Q12). */
  | { readonly kind: 'host-epoch'; readonly host: string; readonly epoch: number }
  | { readonly kind: 'host-ban'; readonly host: string; readonly banned: boolean; readonly why: string }
  /** A domain with everything under it (H9). */
  | { readonly kind: 'domain-ban'; readonly domain: string; readonly banned: boolean; readonly why: string }
  /** How many accounts a host may have (H8). */
  | { readonly kind: 'host-limit'; readonly host: string; readonly accountLimit: number }
  /** Takedown, suspension, throttle and their reversal (E1, E3). */
  | { readonly kind: 'account-local'; readonly did: string; readonly local: LocalStatus }
  /**
   * The reason of a throttle has ended (H8, 3.6): void if the account's state version is no longer the one at which
   * that was seen, or its host has no room after all.
   */
  | { readonly kind: 'account-release'; readonly did: string; readonly version: number }
  /**
   * Answer of the PDS to getRepoStatus (C1, E2): void if the account's state version is no longer the one it was
   * asked at, or the account has moved on.
   */
  | {
      readonly kind: 'account-upstream'
      readonly did: string
      readonly host: string
      readonly version: number
      readonly active: boolean
      readonly status: string | null
    }
