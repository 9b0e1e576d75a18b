import type { LocalStatus } from './status.ts'

/** What operators, hosts' lives and re-checks say to the sequencer, in order (invariant 7). */
export type ControlMessage =
  /** A host began a new sequence: positions of the old one no longer hold its frames back (Q12). */
  | { readonly kind: 'host-epoch'; readonly host: string; readonly epoch: number }
  | { readonly kind: 'host-ban'; readonly host: string; readonly banned: boolean; readonly why: string }
  /** Takedown, suspension, throttle and their reversal (E1, E3). */
  | { readonly kind: 'account-local'; readonly did: string; readonly local: LocalStatus }
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
