import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import { scanHead } from '@bgs/protocol/frame/head.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { parseDid } from '@bgs/protocol/syntax/did.ts'

/** What the first look at a frame says; `seq` -1 and `did` '' where they could not be read. */
export type PeekedFrame =
  | { readonly kind: 'event'; readonly type: EventType; readonly did: string; readonly seq: number }
  | { readonly kind: 'rejected'; readonly reason: Reason; readonly did: string; readonly seq: number }
  | { readonly kind: 'unknown'; readonly did: string; readonly seq: number }
  | { readonly kind: 'info'; readonly name: string }
  | { readonly kind: 'error'; readonly name: string; readonly message: string }

/**
 * The first look at a frame of a host: type, DID and seq, enough to send it on its way (protocol.md G1, G4). What goes
 * to no verifier is scanned strictly here (W4).
 */
export function peekFrame(frame: Uint8Array, isLocalhostAllowed: boolean): PeekedFrame {
  const head = scanHead(frame)
  if (head.kind === 'rejection')
    return { kind: 'rejected', reason: head.reason, did: head.did, seq: head.seq }
  const { type, did, seq } = head
  if (type === 'error' || type === '#info' || type === 'unknown') return peekStrictly(frame)
  if (seq < 0 || did === '') return { kind: 'rejected', reason: 'frame-fields', did, seq }
  if (parseDid(did, isLocalhostAllowed) === null) return { kind: 'rejected', reason: 'did-syntax', did, seq }
  return { kind: 'event', type, did, seq }
}

function peekStrictly(bytes: Uint8Array): PeekedFrame {
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection')
    return { kind: 'rejected', reason: frame.reason, did: frame.did, seq: frame.seq }
  if (frame.type === 'error') return { kind: 'error', name: frame.error, message: frame.message }
  if (frame.type === '#info') return { kind: 'info', name: frame.name }
  return {
    kind: 'unknown',
    did: frame.type === 'unknown' ? frame.did : '',
    seq: frame.type === 'unknown' ? frame.seq : -1,
  }
}
