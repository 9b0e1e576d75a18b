import { webSocketHeader, webSocketHeaderLength } from '@bgs/contract/log/websocket-header.ts'

/** A frame as one WebSocket message, ready to be written to a socket. */
export function asMessage(frame: Uint8Array): Buffer {
  const header = webSocketHeaderLength(frame.length)
  const message = Buffer.allocUnsafe(header + frame.length)
  message.set(frame, webSocketHeader(message, 0, frame.length))
  return message
}
