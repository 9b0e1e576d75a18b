import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { encodeInfo } from '@bgs/shared/frame/encode.ts'
import type { LogReader } from '@bgs/shared/log/log.ts'
import { SERVER_HEADER } from '@bgs/shared/service/version.ts'
import { WebSocketServer } from 'ws'
import type { Consumer, Consumers } from '../consumers/consumers.ts'
import type { FanoutMetrics } from '../metrics.ts'
import type { Takedowns } from '../takedowns.ts'
import type { Window } from '../window.ts'
import { type Start, startOf } from './cursor.ts'
import { DeflatedPacks } from './deflated-packs.ts'
import { SLOW_FAREWELL_MS, Subscriber } from './subscriber.ts'

/** Subscriptions open at once in one thread; more are answered 503. */
export const MAX_SUBSCRIBERS = 10_000
/** What a client may send in one message: it is ignored anyway (W10). */
const MAX_CLIENT_BYTES = 64 * 1024
/** Characters kept of what a client calls itself. */
const MAX_USER_AGENT = 120
/** The subscriber itself decides when a socket is cut; the option is not in the library's types yet. */
const CLOSE_OPTIONS = { closeTimeout: 2 * SLOW_FAREWELL_MS }
const CHECK_EVERY_MS = 5_000

export interface SubscriptionsParts {
  readonly log: LogReader
  readonly window: Window
  readonly takedowns: Takedowns
  readonly metrics: FanoutMetrics
  /** Why this node cannot serve the stream yet; undefined: it can. */
  readonly notReady: () => string | undefined
  /** Whether those who offer permessage-deflate get it. */
  readonly deflate: boolean
}

/** All subscribers of com.atproto.sync.subscribeRepos on this node. */
export class Subscriptions implements Consumers {
  readonly #parts: SubscriptionsParts
  readonly #subscribers = new Set<Subscriber>()
  readonly #server: WebSocketServer
  readonly #deflated: DeflatedPacks | undefined
  readonly #checks: NodeJS.Timeout
  #closing = false

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts
    this.#deflated = parts.deflate ? new DeflatedPacks(parts.metrics) : undefined
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_CLIENT_BYTES,
      // Each message by itself: compressed once, it serves them all.
      perMessageDeflate: parts.deflate
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true }
        : false,
      clientTracking: false,
      ...CLOSE_OPTIONS,
    })
    this.#server.on('headers', (headers) => headers.push(`Server: ${SERVER_HEADER}`))
    this.#checks = setInterval(() => this.check(performance.now()), CHECK_EVERY_MS)
    parts.log.tail((pack) => {
      parts.takedowns.follow(pack)
      parts.window.add(pack)
      parts.metrics.windowBytes.set(parts.window.bytes)
      parts.metrics.head.set(pack.lastSeq)
      this.#pump()
    })
  }

  /** Open subscriptions. */
  get size(): number {
    return this.#subscribers.size
  }

  /** An HTTP upgrade to the stream: answers with HTTP where the request is wrong, else with the stream (W13, Q2–Q5). */
  upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    cursor: string | null,
    address: string,
  ): void {
    const { log, notReady } = this.#parts
    if (this.#closing || this.#subscribers.size >= MAX_SUBSCRIBERS)
      return refuseUpgrade(socket, 503, 'ServiceUnavailable', 'too many subscribers')
    const why = notReady()
    if (why !== undefined) return refuseUpgrade(socket, 503, 'ServiceUnavailable', why)
    const start = startOf(cursor, log.bounds())
    if (start.kind !== 'future') return this.#begin(request, socket, head, start, address)
    // It may be a seq that another node has served already and this one is about to get.
    log.head().then(
      (next) => this.#begin(request, socket, head, startOf(cursor, { ...log.bounds(), next }), address),
      () => refuseUpgrade(socket, 503, 'ServiceUnavailable', 'the head of the log cannot be had now'),
    )
  }

  #begin(request: IncomingMessage, socket: Socket, head: Buffer, start: Start, address: string): void {
    const { log, metrics } = this.#parts
    if (socket.destroyed) return
    if (start.kind === 'invalid') return refuseUpgrade(socket, 400, 'InvalidRequest', start.message)
    socket.setNoDelay(true)
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      metrics.subscriptions.inc({ start: start.kind === 'from' ? start.how : start.kind })
      const seq = start.kind === 'from' ? start.seq : log.bounds().next
      const userAgent = String(request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT)
      const subscriber = new Subscriber(
        ws,
        socket,
        seq,
        { address, userAgent },
        {
          ...this.#parts,
          deflated: ws.extensions.includes('permessage-deflate') ? this.#deflated : undefined,
          onEnd: (ended) => {
            this.#subscribers.delete(ended)
            metrics.subscribers.set(this.#subscribers.size)
          },
        },
      )
      this.#subscribers.add(subscriber)
      metrics.subscribers.set(this.#subscribers.size)
      if (start.kind === 'future')
        return subscriber.refuse('FutureCursor', 'the cursor lies in the future of this relay')
      if (start.how === 'outdated')
        subscriber.send(
          encodeInfo({ name: 'OutdatedCursor', message: 'the cursor lies before the oldest retained event' }),
        )
      subscriber.pump()
    })
  }

  /**
   * The log has grown by packs that were not heard of: without a clear window what comes next would be taken for what
   * follows it. Subscribers read from the log what lies between.
   */
  beginAnew(): void {
    const { window, metrics } = this.#parts
    window.clear()
    metrics.windowBytes.set(0)
    metrics.windowRestarts.inc()
    this.#pump()
  }

  #pump(): void {
    for (const subscriber of this.#subscribers) subscriber.pump()
  }

  /** Who is subscribed now. */
  async list(): Promise<Consumer[]> {
    return [...this.#subscribers].map(
      ({ id, address, userAgent, sinceMs, next, events, bytes, eventsPerSecond, queuedBytes }) => ({
        id,
        address,
        userAgent,
        sinceMs,
        next,
        events,
        bytes,
        eventsPerSecond,
        queuedBytes,
      }),
    )
  }

  /** Sends one away as an operator asks; it may come back. */
  async disconnect(id: string): Promise<void> {
    for (const subscriber of [...this.#subscribers])
      if (subscriber.id === id) subscriber.close(1008, 'disconnected by the operator', 'operator')
  }

  /** Sends everyone away, to come back (W11). Resolves when they are gone or have had their time. */
  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#checks)
    for (const subscriber of [...this.#subscribers]) subscriber.close(1012, 'RelayRestart', 'shutdown')
  }

  /** Looks whether subscribers still read and live; of itself every few seconds. */
  check(nowMs: number): void {
    const { metrics, log } = this.#parts
    let queued = 0
    let least = log.bounds().next
    for (const subscriber of [...this.#subscribers]) {
      subscriber.check(nowMs)
      queued += subscriber.queuedBytes
      least = Math.min(least, subscriber.next)
    }
    metrics.queuedBytes.set(queued)
    metrics.furthestBehind.set(log.bounds().next - least)
  }
}

/** Answers an upgrade with an HTTP error whose body is an XRPC error. */
export function refuseUpgrade(socket: Socket, status: number, error: string, message: string): void {
  const body = JSON.stringify({ error, message })
  socket.on('error', () => socket.destroy())
  socket.end(
    [
      `HTTP/1.1 ${status} ${error}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Access-Control-Allow-Origin: *',
      `Server: ${SERVER_HEADER}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
