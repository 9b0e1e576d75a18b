import type { EventType } from './event-type.ts'

/** What a crawler appends to `raw`: the frame as it came, and where and when it came from. */
export interface RawEnvelope {
  readonly type: EventType
  readonly did: string
  /** Hostname of the socket, `localhost:PORT` in private mode. */
  readonly host: string
  /** Raised each time the host starts its sequence anew (Q12). */
  readonly epoch: number
  readonly seq: number
  readonly receivedMs: number
  /** Per-host flag of protocol.md 3.5: lets four checks mark instead of reject. */
  readonly lenient: boolean
  /** The host is a relay that is crawled by explicit setting: it passes on what is of other hosts (H5). */
  readonly relayed?: boolean
  /** No host sent it: it shows that the way is open (`heartbeatEnvelope`). */
  readonly isHeartbeat?: boolean | undefined
  /** A view of what it was read with; whoever lets it wait puts a copy in its place. */
  frame: Uint8Array
}

/** Bytes that one raw record is counted as: its frame and what surrounds it in memory. */
export function rawBytes(envelope: RawEnvelope): number {
  return envelope.frame.length + 256
}

/**
 * What crawlers say through `raw` now and then, to be judged as a frame is and to pass by the state: so a way that is
 * blocked is told from a network in which nobody speaks. Readers that do not know it reject it as an event of no DID.
 */
export function heartbeatEnvelope(receivedMs: number): RawEnvelope {
  const nobody = { did: '', host: '', epoch: 0, seq: 0, lenient: false }
  return { ...nobody, type: '#identity', receivedMs, isHeartbeat: true, frame: new Uint8Array(0) }
}
