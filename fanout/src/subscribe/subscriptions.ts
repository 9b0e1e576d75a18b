/**
 * The fan-out of one thread: each subscriber is a position in the log, and all get the same bytes (invariant 15).
 *
 * serve/public-server.ts takes the connection, cursor.ts makes a position of its cursor. The log tells of each committed
 * batch. The window keeps the newest batches in memory (window.ts). A subscriber takes from the window, or from the
 * segment files where the window begins behind it (replay.ts), as fast as its socket drains (subscriber.ts).
 *
 * Why nobody misses an event while the log grows:
 * 1. A subscriber stands at seq 10 and reads the files. The window holds 50 to 59.
 * 2. Batch 60 is committed. The window takes it in and drops its oldest. For the subscriber nothing is queued.
 * 3. It has read up to where the window begins by then, and goes on there: a position is all that there is to hand over.
 *
 * A thread that falls behind (thread-feed.ts): 1. it is sent no more; 2. it has taken all; 3. it is told where the log
 * is; 4. its window begins anew there (`beginAnew`), and its subscribers read the gap from the files.
 */

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { LogReader } from '@bgs/contract/log/log.ts'
import type { SubscriberInfo, SubscriberList } from '@bgs/contract/subscribers.ts'
import { bytesBehind } from '@bgs/embedded/log/bytes-behind.ts'
import type { FiledLog } from '@bgs/embedded/log/segment-log.ts'
import { encodeInfo } from '@bgs/protocol/frame/encode.ts'
import { endWithHttpError, type HttpError } from '@bgs/runtime/service/http-error.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { SERVER_HEADER } from '@bgs/runtime/service/version.ts'
import { WebSocketServer } from 'ws'
import type { FanoutMetrics } from '../metrics.ts'
import type { Takedowns } from '../takedowns.ts'
import type { Window } from '../window.ts'
import { type Start, startOf } from './cursor.ts'
import { acceptableOffer } from './deflate-offer.ts'
import { DeflatedBatches } from './deflated-batches.ts'
import { SLOW_FAREWELL_MS, Subscriber } from './subscriber.ts'

/** Subscriptions open at once in one thread; more are answered 503. */
export const MAX_SUBSCRIBERS = 10_000
/** What a client may send in one message: it is ignored anyway (W10). */
const MAX_CLIENT_BYTES = 64 * 1024
/** Characters kept of what a client calls itself. */
const MAX_USER_AGENT = 120
/** Options that are not in the library's types yet. */
const FURTHER_OPTIONS = {
  // The subscriber itself decides when a socket is cut.
  closeTimeout: 2 * SLOW_FAREWELL_MS,
  // A message in crumbs costs more than its bytes.
  maxFragments: 64,
}
const CHECK_EVERY_MS = 5_000
const RETRY_SOON = { 'retry-after': '10' }

export interface SubscriptionsParts {
  readonly log: LogReader & Pick<FiledLog, 'files'>
  readonly window: Window
  readonly takedowns: Takedowns
  readonly metrics: FanoutMetrics
  /** Why this node cannot serve the stream yet; undefined: it can. */
  readonly notReady: () => string | undefined
  /** Whether those who offer permessage-deflate get it. */
  readonly deflate: boolean
}

/** All subscribers of com.atproto.sync.subscribeRepos on this node. */
export class Subscriptions implements SubscriberList {
  readonly #parts: SubscriptionsParts
  readonly #subscribers = new Set<Subscriber>()
  readonly #server: WebSocketServer
  readonly #deflated: DeflatedBatches | undefined
  readonly #checks: NodeJS.Timeout
  #closing = false
  /** When an entry of the log last came here, and when an event did that is sent. */
  #lastReceivedMs = monotonicMs()
  #newestMs = this.#lastReceivedMs

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts
    this.#deflated = parts.deflate ? new DeflatedBatches(parts.metrics) : undefined
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_CLIENT_BYTES,
      // Each message by itself: compressed once, it serves them all.
      perMessageDeflate: parts.deflate
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true }
        : false,
      clientTracking: false,
      ...FURTHER_OPTIONS,
    })
    this.#server.on('headers', (headers) => headers.push(`Server: ${SERVER_HEADER}`))
    this.#checks = setInterval(() => this.check(monotonicMs()), CHECK_EVERY_MS)
    parts.log.tail((batch) => {
      parts.takedowns.follow(batch)
      parts.window.add(batch)
      parts.metrics.windowBytes.set(parts.window.bytes)
      parts.metrics.head.set(batch.lastSeq)
      this.#lastReceivedMs = monotonicMs()
      if (batch.framesBytes > 0) this.#newestMs = this.#lastReceivedMs
      this.#pump()
    })
  }

  /** On the clock of `monotonicMs`. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs
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
      return endWithHttpError(socket, unavailable('too many subscribers'))
    const why = notReady()
    if (why !== undefined) return endWithHttpError(socket, unavailable(why))
    const start = startOf(cursor, log.bounds())
    if (start.kind !== 'future') return this.#begin(request, socket, head, start, address)
    // It may be a seq that another node has served already and this one is about to get.
    log.head().then(
      (next) => this.#begin(request, socket, head, startOf(cursor, { ...log.bounds(), next }), address),
      () => endWithHttpError(socket, unavailable('the head of the log cannot be had now')),
    )
  }

  #begin(request: IncomingMessage, socket: Socket, head: Buffer, start: Start, address: string): void {
    const { log, metrics } = this.#parts
    if (socket.destroyed) return
    if (start.kind === 'filling') {
      const { first } = log.bounds()
      const message = `this node does not have what lies before seq ${first} yet: come back, or ask another node`
      return endWithHttpError(socket, { ...unavailable(message), headers: RETRY_SOON })
    }
    if (start.kind === 'invalid')
      return endWithHttpError(socket, { status: 400, error: 'InvalidRequest', message: start.message })
    socket.setNoDelay(true)
    // The library refuses the whole handshake where it can take no offer, and takes some that the shared frames break.
    const offer = acceptableOffer(request.headers['sec-websocket-extensions'])
    if (offer === undefined) delete request.headers['sec-websocket-extensions']
    else request.headers['sec-websocket-extensions'] = offer
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
        return subscriber.reject('FutureCursor', 'the cursor lies in the future of this relay')
      if (start.how === 'outdated')
        subscriber.send(
          encodeInfo({ name: 'OutdatedCursor', message: 'the cursor lies before the oldest retained event' }),
        )
      subscriber.pump()
    })
  }

  /**
   * The log has grown by batches that were not heard of: without a clear window what comes next would be taken for what
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
  async list(): Promise<SubscriberInfo[]> {
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
    metrics.newestEventAge.set((nowMs - this.#newestMs) / 1_000)
    metrics.furthestBehind.set(bytesBehind(log.files.segments, least, log.bounds().next))
  }
}

function unavailable(message: string): HttpError {
  return { status: 503, error: 'ServiceUnavailable', message }
}
