import type { EventType } from './event-type.ts'

/** A frame that passed everything that can be judged without state, with the facts the sequencer needs. */
export interface VerifiedEnvelope {
  readonly type: EventType
  readonly did: string
  /** Position in `raw`: generation and offset (invariant 2). */
  readonly rawGeneration: number
  readonly rawOffset: number
  readonly host: string
  readonly epoch: number
  readonly hostSeq: number
  readonly receivedMs: number
  /** Whether the sending host is the PDS in the DID document (G5, invariant 4). */
  readonly authoritative: boolean
  /** The account's PDS by its document, where a relay has passed the event on. */
  readonly pdsHost?: string | undefined
  /** Digest of key, PDS and handle in the DID document (I2). */
  readonly digest: string
  /** The frame with a fixed-width slot for seq at `seqAt`. */
  readonly frame: Uint8Array
  readonly seqAt: number
  /** Of #commit and #sync; CIDs as 36 bytes in a latin1 string, so that they compare with ===. */
  readonly repo: RepoFacts | null
  /** Of #account. */
  readonly account: AccountFacts | null
  /** A check that a lenient host's frame failed (protocol.md 3.5): emitted, discontinuous. */
  readonly discontinuous: boolean
  /** No host sent it: it shows that the way is open. */
  readonly isHeartbeat?: boolean | undefined
}

export interface RepoFacts {
  readonly rev: string
  readonly since: string | null
  readonly prevData: string | null
  readonly commit: string
  readonly data: string
}

export interface AccountFacts {
  readonly active: boolean
  readonly status: string | null
  readonly time: string
}

/** Bytes that one verified record is counted as: its frame and what surrounds it in memory. */
export function verifiedBytes({ frame }: VerifiedEnvelope): number {
  return frame.length + 512
}
