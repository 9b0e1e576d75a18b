import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type LogReader, LogTrimmedError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { encodeError } from '@bgs/protocol/frame/encode.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { WebSocket } from 'ws'
import type { FanoutMetrics } from '../metrics.ts'
import type { Takedowns } from '../takedowns.ts'
import type { Window } from '../window.ts'
import type { DeflatedBatches } from './deflated-batches.ts'
import { asMessage } from './message.ts'
import { Replay } from './replay.ts'

/** No more is handed to a socket while so many bytes wait in it. */
const HIGH_WATER = 256 * 1024
const NOTHING = Buffer.alloc(0)
/** A subscriber that takes nothing for so long although there is something, has stopped reading (Q6). */
const STALLED_MS = 60_000
/** A ping so often (W12) … */
const PING_MS = 30_000
/** … and dead after so long without any sign from a client … */
const DEAD_MS = 90_000
/**
 * … or after so long where its socket was full since its last pong: the next one comes only when it has read all the
 * megabytes that the kernels and the network hold before the ping, which a slow client does long after it took the last.
 */
const FULL_DEAD_MS = 300_000
/** Time for the last frame to be taken before the socket is cut … */
const FAREWELL_MS = 5_000
/** … by one that had stopped reading: it learns why only if it reads on (Q6). */
export const SLOW_FAREWELL_MS = 60_000
/** What a client sends is ignored (W10), up to so many messages and pings, some of them forgiven at each check. */
const MAX_CLIENT_MESSAGES = 100
const FORGIVEN_MESSAGES = 10
/** And up to so many bytes, of whatever kind of frame: taking them apart is work that others wait for. */
const MAX_CLIENT_BYTES = 256 * 1024
const FORGIVEN_BYTES = 32 * 1024

export interface SubscriberParts {
  readonly log: LogReader
  readonly window: Window
  readonly takedowns: Takedowns
  readonly metrics: FanoutMetrics
  readonly onEnd: (subscriber: Subscriber) => void
  /** Where it gets compressed frames, if it asked for them. */
  readonly deflated: DeflatedBatches | undefined
}

/** What Node's own timeout of a socket goes by, and no other figure tells: bytes of a write that are not sent yet. */
interface SocketHandle {
  readonly _handle: { readonly writeQueueSize: number } | null
}

/**
 * One subscriber: a position in the log (invariant 15). Takes from the window in memory, or from the log where that
 * begins later, as fast as its socket does; nothing is queued for it beyond the socket's own buffer.
 */
export class Subscriber {
  /** Seq of the next event it gets. */
  next: number
  readonly address: string
  readonly id: string = randomUUID()
  readonly userAgent: string
  readonly sinceMs = Date.now()
  /** Events and bytes sent to it. */
  events = 0
  bytes = 0
  /** Of late; brought up to date by check. */
  eventsPerSecond = 0
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #parts: SubscriberParts
  #ended = false
  #reading = false
  /** While it is behind the window. */
  #replay: Replay | undefined
  #takenBytes = 0
  #takenMs: number
  #pingedMs: number
  #lastReceivedMs: number
  /** Whether its socket was full since its last pong. */
  #wasFull = false
  #messages = 0
  #checked = { events: 0, atMs: monotonicMs() }
  #clientBytes = 0

  constructor(
    ws: WebSocket,
    socket: Socket,
    start: number,
    client: { readonly address: string; readonly userAgent: string },
    parts: SubscriberParts,
  ) {
    this.#ws = ws
    this.#socket = socket
    this.next = start
    this.address = client.address
    this.userAgent = client.userAgent
    this.#parts = parts
    this.#takenMs = this.#pingedMs = this.#lastReceivedMs = monotonicMs()
    ws.on('message', () => this.#onMessage())
    ws.on('pong', () => {
      this.#wasFull = false
      this.#noteReceived()
    })
    ws.on('ping', () => this.#onMessage())
    ws.on('error', () => this.#end('error'))
    ws.on('close', () => this.#end('closed'))
    socket.on('drain', () => this.pump())
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes.length))
  }

  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  /** Writes what the subscriber lacks, as far as its socket takes it. Call whenever the log has grown. */
  pump(): void {
    if (this.#ended || this.#reading) return
    const { window, deflated } = this.#parts
    for (;;) {
      const batch = window.find(this.next)
      if (batch === undefined) {
        if (this.next < this.#parts.log.bounds().next) this.#readLog()
        else if (this.#socket.writableLength < HIGH_WATER) this.#replay = undefined
        return
      }
      if (this.#socket.writableLength >= HIGH_WATER) return
      // Only now: what is on its way of it counts until it is sent.
      this.#replay = undefined
      const ready = deflated === undefined ? batch : deflated.get(batch)
      if (ready === undefined) return this.#awaitDeflated(batch)
      this.#write(ready, 'window')
    }
  }

  /** Sends a frame that has no seq (Q8). */
  send(frame: Uint8Array): void {
    this.#socket.write(asMessage(frame))
  }

  /** Says why in an error frame, then closes with 1008 (W9, W11). */
  reject(error: string, message: string): void {
    if (this.#ended) return
    this.send(encodeError({ error, message }))
    this.close(1008, error, error === 'ConsumerTooSlow' ? 'too-slow' : 'refused')
  }

  close(code: number, reason: string, cause: string): void {
    if (this.#ended) return
    this.#ws.close(code, reason)
    this.#end(cause)
    const socket = this.#socket
    setTimeout(() => socket.destroy(), cause === 'too-slow' ? SLOW_FAREWELL_MS : FAREWELL_MS).unref()
  }

  /**
   * Looks whether it still reads and lives, and pings it (W12): one that replays as much as one that is live. Call every few
   * seconds.
   */
  check(nowMs: number): void {
    if (this.#ended) return
    this.#rate(nowMs)
    const taken = this.#taken()
    const isFull = this.#socket.writableLength > 0
    if (taken !== this.#takenBytes || !isFull) {
      // A full socket takes more only where the client has acknowledged some of what it was sent: it lives.
      if (isFull) this.#lastReceivedMs = Math.max(this.#lastReceivedMs, nowMs)
      this.#takenBytes = taken
      this.#takenMs = nowMs
    }
    this.#wasFull ||= isFull
    if (nowMs - this.#takenMs > STALLED_MS)
      return this.reject('ConsumerTooSlow', `nothing was read for ${STALLED_MS / 1_000} s`)
    this.#messages = Math.max(0, this.#messages - FORGIVEN_MESSAGES)
    this.#clientBytes = Math.max(0, this.#clientBytes - FORGIVEN_BYTES)
    if (nowMs - this.#lastReceivedMs > (this.#wasFull ? FULL_DEAD_MS : DEAD_MS)) {
      this.#end('dead')
      return this.#ws.terminate()
    }
    if (nowMs - this.#pingedMs < PING_MS) return
    this.#pingedMs = nowMs
    this.#ws.ping()
  }

  /**
   * Grows with each byte that the kernel takes, also in the midst of a part of the log that is under way as one write. Of
   * writableLength all bytes of that count until it is at its end.
   */
  #taken(): number {
    const { bytesWritten, writableLength } = this.#socket
    const waiting = (this.#socket as Partial<SocketHandle>)._handle?.writeQueueSize ?? 0
    return bytesWritten - writableLength - waiting
  }

  #rate(nowMs: number): void {
    const { events, atMs } = this.#checked
    if (nowMs <= atMs) return
    this.eventsPerSecond = Math.round(((this.events - events) / (nowMs - atMs)) * 10_000) / 10
    this.#checked = { events: this.events, atMs: nowMs }
  }

  #write(batch: LogBatch, source: 'window' | 'log'): void {
    const { takedowns, metrics } = this.#parts
    const { frames, events } = takedowns.servable(batch, Math.max(0, this.next - batch.firstSeq))
    for (const bytes of frames) {
      if (bytes.length === 0) continue
      this.#socket.write(bytes)
      metrics.bytes.inc(bytes.length)
      this.bytes += bytes.length
    }
    this.events += events
    metrics.events.inc({ source }, events)
    this.next = batch.lastSeq + 1
  }

  #writeAll(batches: readonly LogBatch[], onSent: () => void): void {
    if (this.#ended) return onSent()
    this.#socket.cork()
    for (const batch of batches) this.#write(batch, 'log')
    // Sent when all before it is, and at the latest when the socket is gone.
    this.#socket.write(NOTHING, onSent)
    this.#socket.uncork()
  }

  #awaitDeflated(batch: LogBatch): void {
    this.#reading = true
    this.#parts.deflated?.make(batch).then(
      () => {
        this.#reading = false
        this.pump()
      },
      () => this.close(1011, 'InternalError', 'error'),
    )
  }

  /** Reads the log until the window has what comes next, or there is no more. */
  #readLog(): void {
    this.#reading = true
    this.#replay ??= new Replay({
      log: this.#parts.log,
      write: (batches, onSent) => this.#writeAll(batches, onSent),
    })
    this.#replay.step(this.next).then(
      (next) => {
        this.#reading = false
        // Numbers left out at the end of the log lead nowhere.
        if (next !== undefined) this.pump()
      },
      (error: unknown) => {
        this.#reading = false
        if (error instanceof LogTrimmedError)
          return this.reject('ConsumerTooSlow', 'fell behind the oldest retained event')
        this.close(1011, 'InternalError', 'error')
      },
    )
  }

  #onMessage(): void {
    this.#noteReceived()
    if (++this.#messages > MAX_CLIENT_MESSAGES) this.close(1008, 'this stream takes no messages', 'refused')
  }

  #onBytes(bytes: number): void {
    this.#clientBytes += bytes
    if (this.#clientBytes <= MAX_CLIENT_BYTES) return
    // Also after a farewell: without a close it would go on sending for as long as that waits.
    this.#end('refused')
    this.#ws.terminate()
  }

  #noteReceived(): void {
    this.#lastReceivedMs = Math.max(this.#lastReceivedMs, monotonicMs())
  }

  #end(cause: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#parts.metrics.ended.inc({ cause })
    this.#parts.onEnd(this)
  }
}
