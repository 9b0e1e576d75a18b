import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import type { Identity } from './document.ts'

/** What was found for a DID, and when the look-up began (invariant 13), in monotonic milliseconds of this process. */
export interface CacheEntry {
  readonly found: Identity | Reason
  readonly startedMs: number
}
