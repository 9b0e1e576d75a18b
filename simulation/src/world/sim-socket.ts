import type { NetConnectOpts, OnReadOpts, TcpNetConnectOpts } from 'node:net'
import { Duplex } from 'node:stream'
import type { LinkState } from './link-state.ts'
import type { SimProcess } from './sim-process.ts'

/** Bytes that the other end has not read yet beyond which a writer waits, as behind a full window. */
const WINDOW_BYTES = 128 * 1024

export interface SimSocketParts {
  readonly owner: SimProcess
  readonly localPort: number
  /** Where it is not connected yet: unknown. */
  readonly remotePort?: number
  readonly linkTo: (other: SimProcess) => LinkState
  readonly onConnect: (socket: SimSocket, port: number) => void
  readonly onClose: (socket: SimSocket) => void
  /** Where bytes that arrive go instead of `data`. */
  readonly onread?: OnReadOpts | undefined
}

/** Of `net.connect` and of a socket's `connect`: options or a port, then a host and a listener, as they please. */
export type ConnectArguments = [NetConnectOpts | number | string, ...unknown[]]

/** One end of a connection: as much of `net.Socket` as the product, its libraries and the hosts use. */
export class SimSocket extends Duplex {
  connecting = false
  readonly owner: SimProcess
  readonly localPort: number
  remotePort: number | undefined
  readonly remoteAddress = '127.0.0.1'
  readonly localAddress = '127.0.0.1'
  readonly remoteFamily = 'IPv4'
  bytesRead = 0
  bytesWritten = 0
  /** Milliseconds of `setTimeout`; 0: none. */
  timeout = 0
  readonly #parts: SimSocketParts
  #peer: SimSocket | undefined
  /** Bytes may be sent. */
  #isOpen = false
  /** When the last bytes arrive at the other end: none overtakes them. */
  #lastArrivalMs = 0
  /** Sent, and not read by the other end yet. */
  #unreadBytes = 0
  #held: (() => void) | undefined
  /** What waits until it is connected. */
  #early: (() => void)[] = []
  #idle: { cancel(): void } | undefined

  constructor(parts: SimSocketParts) {
    super({ allowHalfOpen: false, emitClose: true })
    this.#parts = parts
    this.owner = parts.owner
    this.localPort = parts.localPort
    this.remotePort = parts.remotePort
    const { onread } = parts
    if (onread !== undefined) this.on('data', (bytes: Buffer) => this.#handOver(bytes, onread))
  }

  /** As `net.Socket` does, of a socket that was made without a connection. */
  connect(...[first, ...rest]: ConnectArguments): this {
    const listener = rest.find((one) => typeof one === 'function')
    if (listener !== undefined) this.once('connect', listener as () => void)
    this.connecting = true
    this.remotePort = Number(typeof first === 'object' ? (first as TcpNetConnectOpts).port : first)
    this.#parts.onConnect(this, this.remotePort)
    return this
  }

  get peer(): SimSocket | undefined {
    return this.#peer
  }

  join(peer: SimSocket): void {
    this.#peer = peer
    peer.#peer = this
    peer.#isOpen = true
  }

  opened(): void {
    if (this.destroyed) return
    this.connecting = false
    this.#isOpen = true
    this.emit('connect')
    this.emit('ready')
    for (const write of this.#early.splice(0)) write()
  }

  /** Both ends learn that the connection is gone. */
  reset(): void {
    this.#toPeer((peer) => peer.destroy(connectionReset()))
    this.destroy()
  }

  override _read(): void {
    const peer = this.#peer
    if (peer !== undefined) peer.#readOn()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (!this.#isOpen) {
      this.#early.push(() => this._write(chunk, _encoding, done))
      return
    }
    // It is the sender's to use again once it was written.
    const bytes = Buffer.from(chunk)
    this.bytesWritten += bytes.length
    this.#unreadBytes += bytes.length
    this.#active()
    this.#toPeer((peer) => peer.#take(bytes))
    if (this.#unreadBytes > WINDOW_BYTES) this.#held = done
    else done()
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#isOpen) {
      this.#early.push(() => this._final(done))
      return
    }
    this.#toPeer((peer) => {
      if (!peer.destroyed) peer.push(null)
    })
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#idle?.cancel()
    this.#parts.onClose(this)
    const peer = this.#peer
    // What was not read, or not sent to its end, is answered by a reset.
    if (peer !== undefined && !peer.destroyed && !this.writableFinished)
      this.#toPeer((other) => other.destroy(connectionReset()))
    // What still knows one end is not to keep the process of the other.
    this.#peer = undefined
    done(error)
  }

  /** Lets something happen at the other end, behind all that was sent before. */
  #toPeer(code: (peer: SimSocket) => void): void {
    const peer = this.#peer
    if (peer === undefined) return
    const { scheduler } = this.owner
    const { latencyMs, heldUntilMs } = this.#parts.linkTo(peer.owner)
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, Math.max(scheduler.nowMs, heldUntilMs) + latencyMs)
    peer.owner.at(this.#lastArrivalMs, () => code(peer))
  }

  #take(bytes: Buffer): void {
    if (this.destroyed) return
    this.bytesRead += bytes.length
    this.#active()
    const peer = this.#peer
    if (this.push(bytes) && peer !== undefined) peer.#readOn()
  }

  /** Fills the buffer of `onread` as often as it takes; what is not wanted yet stays here. */
  #handOver(bytes: Buffer, { buffer, callback }: OnReadOpts): void {
    for (let at = 0; at < bytes.length; ) {
      const into = typeof buffer === 'function' ? buffer() : buffer
      const part = bytes.subarray(at, at + into.length)
      into.set(part)
      at += part.length
      if (callback(part.length, into)) continue
      this.pause()
      if (at < bytes.length) this.unshift(bytes.subarray(at))
      return
    }
  }

  /** The other end has read all that it had. */
  #readOn(): void {
    this.#unreadBytes = 0
    const done = this.#held
    this.#held = undefined
    if (done !== undefined && this.owner.isAlive) this.owner.at(this.owner.scheduler.nowMs, done)
  }

  #active(): void {
    this.#idle?.cancel()
    if (this.timeout === 0) return
    const { owner } = this
    this.#idle = owner.at(owner.scheduler.nowMs + this.timeout, () => this.emit('timeout'))
  }

  setTimeout(ms: number, listener?: () => void): this {
    this.timeout = ms
    this.#active()
    if (listener !== undefined && ms === 0) this.removeListener('timeout', listener)
    else if (listener !== undefined) this.once('timeout', listener)
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress, family: 'IPv4', port: this.localPort }
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
}
