import type { SimAccount } from './account.ts'

/**
 * What a relay should make of a faulty message: the words of the conformance vectors.
 * `disconnect`: close the socket and step over that message; `drop-invalid`: do not emit, count, stay connected.
 */
export type FaultOutcome =
  | 'disconnect'
  | 'drop-invalid'
  | 'drop-stale'
  | 'refresh-then-drop'
  | 'ignore'
  | 'close'
  | 'emit-confirm'

/** One message to put on the wire. */
export interface FaultMessage {
  payload: Uint8Array
  /** WebSocket opcode, default binary */
  opcode?: number
  /** Place in the host's log where it is not the next one; the payload carries its own. */
  seq?: number
}

export interface FaultContext {
  /** A fresh account of the hostile host, with a document that names it and some records. */
  account: SimAccount
  /** An account that lives on another host, if the network has one. */
  foreign: SimAccount | null
  /** Seq that the next message gets. */
  seq: number
}

/** One named kind of bad input; `rule` is the section of protocol.md that it breaks. */
export interface Fault {
  name: string
  rule: string
  outcome: FaultOutcome
  make(context: FaultContext): Promise<FaultMessage[]> | FaultMessage[]
}

/** An informal time (section 2), the same for all faulty messages so that they are easy to find. */
export const FAULT_TIME = '2026-01-01T00:00:00.000Z'
