import type { Facts } from '@bgs/contract/envelope/facts.ts'
import type { EntryKind } from '@bgs/contract/log/log-batch.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'

/** What becomes of one envelope or control message. */
export type Decision = Append | Drop

export interface Append {
  readonly kind: EntryKind
  /** How the event stands to what was known: words of the conformance cases. */
  readonly outcome: 'emit' | 'emit-discontinuous' | 'emit-reset' | 'emit-confirm' | 'quiet'
  readonly facts: Facts
  /** Null for a quiet entry. */
  readonly frame: Uint8Array | null
  readonly seqAt: number
  /** The event is rejected all the same: what is appended is what the relay has to remember of it. */
  readonly rejected?: Drop
  /** What is appended right behind it. */
  readonly next?: Append
}

export interface Drop {
  readonly kind: 'drop'
  readonly reason: Reason
  /** The account's PDS is to be asked for its status (C1). */
  readonly ask: boolean
}

/** An entry that changes the state and that nobody is sent (invariant 8). */
export function quiet(facts: Facts): Append {
  return { kind: 'quiet', outcome: 'quiet', facts, frame: null, seqAt: 0 }
}

export function drop(reason: Reason, ask = false): Drop {
  return { kind: 'drop', reason, ask }
}
