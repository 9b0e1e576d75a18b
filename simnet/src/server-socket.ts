import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { closePayload, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG, webSocketFrame } from './wire.ts'

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Client messages are ignored (protocol.md W10), so one larger than this is only a fault. */
const MAX_CLIENT_FRAME_BYTES = 65_536

/**
 * The server's end of a WebSocket, by hand: ready frames go to the socket as they are, many in one write, which no
 * library offers. Answers pings and closes; ignores data.
 */
export class ServerSocket {
  readonly socket: Duplex
  onClose: () => void = () => undefined
  pingsReceived = 0
  pongsReceived = 0
  closeCode: number | null = null
  private pending: Buffer = Buffer.alloc(0)
  private closing = false as boolean

  private constructor(socket: Duplex) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.onClose())
  }

  /** Answers the upgrade request. `headers` are extra lines, for example a Server header. */
  static accept(req: IncomingMessage, socket: Duplex, headers: Record<string, string> = {}): ServerSocket {
    const key = req.headers['sec-websocket-key'] ?? ''
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64')
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accept}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    return new ServerSocket(socket)
  }

  get open(): boolean {
    return !this.closing && !this.socket.destroyed
  }

  get bufferedBytes(): number {
    return this.socket.writableLength
  }

  /** Writes ready frames; false when the socket wants a pause. */
  write(frames: Buffer): boolean {
    return this.socket.write(frames)
  }

  ping(): void {
    if (this.open) this.write(webSocketFrame(new Uint8Array(), OPCODE_PING))
  }

  /** Sends a close frame and ends. */
  close(code: number, reason = ''): void {
    if (!this.open) return
    this.closing = true
    this.socket.end(webSocketFrame(closePayload(code, reason), OPCODE_CLOSE))
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.socket.destroy()
  }

  private receive(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk])
    for (;;) {
      const frame = readClientFrame(this.pending)
      if (frame === null) break
      this.pending = this.pending.subarray(frame.length)
      this.handle(frame.opcode, frame.payload)
    }
    if (this.pending.length > MAX_CLIENT_FRAME_BYTES) this.close(1009)
  }

  private handle(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE_PING) {
      this.pingsReceived++
      if (this.open) this.write(webSocketFrame(payload, OPCODE_PONG))
    } else if (opcode === OPCODE_PONG) this.pongsReceived++
    else if (opcode === OPCODE_CLOSE) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      this.close(1000)
    }
  }
}

/** The first whole masked frame at the start of the buffer, or null. */
function readClientFrame(buffer: Buffer): { opcode: number; payload: Buffer; length: number } | null {
  if (buffer.length < 6) return null
  const marker = buffer.readUInt8(1) & 0x7f
  const sizeBytes = marker < 126 ? 0 : marker === 126 ? 2 : 8
  const start = 2 + sizeBytes + 4
  if (buffer.length < start) return null
  const size =
    marker < 126 ? marker : marker === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
  if (buffer.length < start + size) return null
  const mask = buffer.subarray(start - 4, start)
  const payload = Buffer.from(buffer.subarray(start, start + size))
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0)
  return { opcode: buffer.readUInt8(0) & 0x0f, payload, length: start + size }
}
