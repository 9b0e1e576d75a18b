import { WebSocket } from 'ws'
import { StreamModel } from './model.ts'
import { StreamChecker, type Verdict } from './stream-checker.ts'

export interface SubscriberOptions {
  /** The relay's address (`http://localhost:2470`) or the whole ws URL. */
  url: string
  /** Absent: live only; 0: the whole window. */
  cursor?: number
  model?: StreamModel
  /** Go on with the checker of an earlier subscriber, so that seqs are compared over reconnects. */
  checker?: StreamChecker
  /** Called with each message as received. */
  onMessage?: (bytes: Uint8Array) => void
}

/** How often a waiting condition is looked at when no message arrives. */
const RECHECK_MILLIS = 20

/** Thrown by `until`; the message says what had been received. */
class DeadlineError extends Error {
  override name = 'DeadlineError'
}

/** A consumer of a relay (or of any event stream) that checkers what it is served. */
export class CheckingSubscriber {
  readonly checker: StreamChecker
  /** How the last connection ended: close code and reason, or null while it lives. */
  closed: { code: number; reason: string } | null = null
  bytesReceived = 0
  private readonly options: SubscriberOptions
  private socket: WebSocket | null = null
  private wake: () => void = () => undefined

  private constructor(options: SubscriberOptions) {
    this.options = options
    this.checker = options.checker ?? new StreamChecker(options.model ?? new StreamModel())
  }

  /** Connects; resolves when the handshake is done. */
  static async connect(options: SubscriberOptions): Promise<CheckingSubscriber> {
    const subscriber = new CheckingSubscriber(options)
    await subscriber.open(options.cursor ?? null)
    return subscriber
  }

  get lastSeq(): number {
    return this.checker.lastSeq
  }

  get received(): number {
    return this.checker.received
  }

  get caughtUp(): boolean {
    return this.checker.caughtUp
  }

  /** Connects again, by default after the last seq received. */
  async reconnect(cursor: number | null = this.checker.lastSeq): Promise<void> {
    await this.close()
    await this.open(cursor)
  }

  /** Stops reading from the socket: a consumer that does not keep up. */
  stopReading(): void {
    this.socket?.pause()
  }

  startReading(): void {
    this.socket?.resume()
  }

  /** Resolves when the condition holds, throws a `DeadlineError` after `millis`. */
  async until(condition: (subscriber: this) => boolean, millis: number): Promise<void> {
    const deadline = performance.now() + millis
    while (!condition(this)) {
      const left = deadline - performance.now()
      if (left <= 0) throw new DeadlineError(`condition not met within ${millis} ms: ${this.describe()}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, RECHECK_MILLIS))
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Resolves when every required event has come. */
  untilCaughtUp(millis: number): Promise<void> {
    return this.until(() => this.checker.caughtUp, millis)
  }

  verdict(): Verdict {
    return this.checker.verdict()
  }

  async close(): Promise<void> {
    const { socket } = this
    this.socket = null
    if (socket === null || socket.readyState === WebSocket.CLOSED) return
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      socket.terminate()
    })
  }

  private async open(cursor: number | null): Promise<void> {
    const base = this.options.url.replace(/^http/, 'ws').replace(/\/$/, '')
    const url = new URL(base.includes('/xrpc/') ? base : `${base}/xrpc/com.atproto.sync.subscribeRepos`)
    if (cursor !== null) url.searchParams.set('cursor', String(cursor))
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 16_000_000 })
    this.socket = socket
    this.closed = null
    this.checker.beginConnection(cursor)
    socket.on('message', (data: Buffer) => {
      this.bytesReceived += data.length
      this.checker.observe(data)
      this.options.onMessage?.(data)
      this.wake()
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', reject)
      socket.once('close', (code, reason) => {
        if (this.socket === socket) this.closed = { code, reason: reason.toString() }
        this.wake()
        reject(new Error(`closed before the handshake: ${code}`))
      })
    })
    socket.on('error', () => undefined)
  }

  private describe(): string {
    const { missing, ...rest } = this.checker.verdict()
    const state = { ...rest, missing: missing.slice(0, 5), closed: this.closed }
    return JSON.stringify(state)
  }
}
