import { connect, type Socket } from 'node:net'
import { nowMs } from './clock.ts'
import { FrameCounter } from './frame-counter.ts'

/** Every socket of the process reads into this: what is read is looked at before anything else is read. */
const buffer = Buffer.allocUnsafe(256 * 1024)
/** A pong without payload under a mask of zero. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

export interface RawSubscriptionOptions {
  /** `ws://…` of the stream, without a cursor. */
  readonly url: string
  /** null: live. */
  readonly cursor: number | null
  /** Hears of all bytes behind the handshake; the chunk is overwritten by the next one. */
  readonly onChunk?: (chunk: Uint8Array) => void
}

/**
 * A subscriber that costs little: the handshake of RFC 6455 by hand, then frames are counted as they lie in the
 * socket's buffer; no event, no copy and no object for a message.
 */
export class RawSubscription {
  readonly counter = new FrameCounter()
  readonly #socket: Socket
  #head = ''
  #open = false
  #pongs = 0
  #awaited = Number.POSITIVE_INFINITY
  #arrived: ((atMs: number) => void) | undefined
  #failed: (error: Error) => void = () => undefined
  #error: Error | undefined

  private constructor({ url, cursor, onChunk }: RawSubscriptionOptions, opened: () => void) {
    const { hostname, port, pathname } = new URL(url)
    const callback = (length: number): boolean => {
      if (this.#open) this.#take(buffer.subarray(0, length), onChunk)
      else this.#handshake(buffer.subarray(0, length), opened, onChunk)
      return true
    }
    const socket = connect({ host: hostname, port: Number(port), onread: { buffer, callback } })
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('connect', () =>
      socket.write(
        [
          `GET ${pathname}${cursor === null ? '' : `?cursor=${cursor}`} HTTP/1.1`,
          `Host: ${hostname}:${port}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          '\r\n',
        ].join('\r\n'),
      ),
    )
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () =>
      this.#fail(new Error(`the relay ended the stream after ${this.messages} messages`)),
    )
  }

  /** Resolves when the relay has answered the handshake. */
  static connect(options: RawSubscriptionOptions): Promise<RawSubscription> {
    return new Promise((resolve, reject) => {
      const subscription: RawSubscription = new RawSubscription(options, () => resolve(subscription))
      subscription.#failed = reject
    })
  }

  get messages(): number {
    return this.counter.messages
  }

  /** Resolves to the time at which so many messages had come in all; rejects when the stream ends before. */
  reaches(messages: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.messages >= messages) return resolve(nowMs())
      if (this.#error !== undefined) return reject(this.#error)
      this.#awaited = messages
      this.#arrived = resolve
      this.#failed = reject
    })
  }

  close(): void {
    this.#failed = () => undefined
    this.#socket.destroy()
  }

  #handshake(chunk: Buffer, opened: () => void, onChunk?: (chunk: Uint8Array) => void): void {
    const before = this.#head.length
    this.#head += chunk.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return
    if (!this.#head.startsWith('HTTP/1.1 101 ')) {
      this.#fail(new Error(`no stream: ${this.#head.slice(0, 200)}`))
      this.#socket.destroy()
      return
    }
    this.#open = true
    opened()
    const rest = chunk.subarray(end + 4 - before)
    if (rest.length > 0) this.#take(rest, onChunk)
  }

  #take(chunk: Buffer, onChunk?: (chunk: Uint8Array) => void): void {
    this.counter.take(chunk, chunk.length)
    onChunk?.(chunk)
    if (this.counter.pings > this.#pongs) {
      this.#pongs = this.counter.pings
      this.#socket.write(PONG)
    }
    if (this.messages < this.#awaited) return
    this.#awaited = Number.POSITIVE_INFINITY
    this.#arrived?.(nowMs())
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#failed(error)
  }
}
