import * as dagCbor from '@ipld/dag-cbor'
import { decodeFirst } from 'cborg'

/** A message of an event stream taken apart (protocol.md W1, W2). */
export interface DecodedFrame {
  op: number
  type: string
  body: Record<string, unknown>
}

/** Header and payload, one after the other: `{t, op: 1}` then the body (W1-W3). */
export function encodeFrame(type: string, body: object): Uint8Array {
  return Buffer.concat([dagCbor.encode({ op: 1, t: type }), dagCbor.encode(body)])
}

/** Header `{op: -1}` and `{error, message}` (W9). */
export function encodeErrorFrame(error: string, message?: string): Uint8Array {
  const body = message === undefined ? { error } : { error, message }
  return Buffer.concat([dagCbor.encode({ op: -1 }), dagCbor.encode(body)])
}

/** Strict decoding with the reference codec: throws on anything that is not exactly two canonical items. */
export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  const [header, rest] = decodeFirst(bytes, dagCbor.decodeOptions) as [Record<string, unknown>, Uint8Array]
  const body: unknown = dagCbor.decode(rest)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new TypeError('frame payload is not a map')
  return {
    op: Number(header.op),
    type: typeof header.t === 'string' ? header.t : '',
    body: body as Record<string, unknown>,
  }
}

export const OPCODE_TEXT = 1
export const OPCODE_BINARY = 2
export const OPCODE_CLOSE = 8
export const OPCODE_PING = 9
export const OPCODE_PONG = 10

/** A whole WebSocket frame as a server sends it: final, unmasked (RFC 6455 section 5.2). */
export function webSocketFrame(payload: Uint8Array, opcode: number = OPCODE_BINARY): Buffer {
  const length = payload.length
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headerLength + length)
  frame[0] = 0x80 | opcode
  if (headerLength === 2) frame[1] = length
  else if (headerLength === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(payload, headerLength)
  return frame
}

/** The payload inside a frame that `webSocketFrame` made. */
export function webSocketPayload(frame: Uint8Array): Uint8Array {
  const marker = frame[1] ?? 0
  return frame.subarray(marker < 126 ? 2 : marker === 126 ? 4 : 10)
}

/** A close frame's payload: code and reason. */
export function closePayload(code: number, reason = ''): Uint8Array {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code, 0)
  payload.write(reason, 2)
  return payload
}
