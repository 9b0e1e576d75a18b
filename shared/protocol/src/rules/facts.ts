import type { Reason } from '../reasons/reason.ts'
import type { PublicKey } from '../signature/public-key.ts'

/**
 * What a verdict needs beside the frame. `lenient` is the flag of a listed legacy host: it downgrades tooBig, a
 * missing prevData, a missing op.prev and a failed inversion to marks, never more (protocol.md 3.5).
 */
export type VerifyContext = { key: PublicKey; nowMs: number; lenient: boolean }

/**
 * A #commit that is valid by itself; whether it continues what is known of the account is the sequencer's to say.
 * CIDs are binary, 36 bytes, views into the frame. `marks` are the reasons that a lenient host was let off.
 */
export type CommitFacts = {
  kind: 'facts'
  rev: string
  since: string | null
  prevData: Uint8Array | null
  commit: Uint8Array
  data: Uint8Array
  marks: Reason[]
}

/** A #sync that is valid by itself. */
export type SyncFacts = { kind: 'facts'; rev: string; commit: Uint8Array; data: Uint8Array }
