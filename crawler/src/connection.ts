import { MAX_FRAME_BYTES } from '@bgs/shared/frame/head.ts'
import { checkTarget, lookupFor } from '@bgs/shared/net/guard.ts'
import { parseHost } from '@bgs/shared/net/hostname.ts'
import { USER_AGENT } from '@bgs/shared/service/version.ts'
import WebSocket from 'ws'
import { type HandshakeFailure, handshakeFailure } from './handshake-failure.ts'

/** From the first packet to the end of the handshake (protocol.md H4). */
const HANDSHAKE_MS = 5_000
/** A ping so often (W12) … */
const PING_MS = 30_000
/** … and a peer from which nothing came for so long is dead. */
const DEAD_MS = 75_000
/** Redirects followed at the upgrade (W14). */
const MAX_REDIRECTS = 3
/** Token in `Server` by which relays know each other (H5). */
const RELAY_TOKEN = 'atproto-relay'

/** How a connection ended. */
export interface ConnectionEnd {
  readonly cause: 'refused' | 'closed' | 'dead' | 'relay' | 'too-large' | 'stopped'
  readonly detail: string
  /** Where it was never opened. */
  readonly failure?: HandshakeFailure
}

export interface ConnectionHandlers {
  readonly onOpen: () => void
  readonly onFrame: (frame: Buffer) => void
  readonly onText: (text: Buffer) => void
}

/**
 * One WebSocket to a host's event stream: guarded way out (H7), handshake deadline, pings, size limit (W7). Ends once;
 * `ended` says how.
 */
export class Connection {
  readonly ended: Promise<ConnectionEnd>
  readonly #socket: WebSocket
  #lastHeardMs = performance.now()
  #cause: ConnectionEnd | undefined

  /** `isRelay`: the host is known to be a relay, and crawled all the same (H5). */
  constructor(
    hostname: string,
    cursor: number | null,
    allowPrivate: boolean,
    isRelay: boolean,
    handlers: ConnectionHandlers,
  ) {
    const path = '/xrpc/com.atproto.sync.subscribeRepos'
    const url = new URL(
      `${parseHost(hostname, allowPrivate).ws}${path}${cursor === null ? '' : `?cursor=${cursor}`}`,
    )
    checkTarget(url, allowPrivate)
    const lookup = lookupFor(allowPrivate)
    const socket = new WebSocket(url, {
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: true,
      maxRedirects: MAX_REDIRECTS,
      // The strict scan looks at every text; nothing else here is text.
      skipUTF8Validation: true,
      headers: { 'user-agent': USER_AGENT },
      ...(lookup === undefined ? {} : { lookup: lookup as never }),
    })
    this.#socket = socket
    this.ended = new Promise((resolve) => this.#listen(handlers, allowPrivate, isRelay, resolve))
  }

  /** Stops reading from the socket; the host's sending fills up its own buffers. */
  pause(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.pause()
  }

  resume(): void {
    this.#lastHeardMs = performance.now()
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.resume()
  }

  /** Ends the connection: politely if the host answers the close, in any case soon. */
  close(cause: ConnectionEnd, code = 1000): void {
    this.#cause ??= cause
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.resume()
      this.#socket.close(code)
      setTimeout(() => this.#socket.terminate(), 2_000).unref()
    } else this.#socket.terminate()
  }

  #listen(
    handlers: ConnectionHandlers,
    allowPrivate: boolean,
    isRelay: boolean,
    resolve: (end: ConnectionEnd) => void,
  ): void {
    const socket = this.#socket
    const heard = () => {
      this.#lastHeardMs = performance.now()
    }
    // The library's own handshake timeout starts anew with every byte.
    const deadline = setTimeout(
      () =>
        this.close({
          cause: 'refused',
          detail: `no handshake within ${HANDSHAKE_MS} ms`,
          failure: 'timeout',
        }),
      HANDSHAKE_MS,
    )
    let pings: NodeJS.Timeout | undefined
    let isOpen = false
    socket.on('redirect', (target: string) => {
      try {
        checkTarget(new URL(target), allowPrivate)
      } catch (error) {
        this.close({ cause: 'refused', detail: (error as Error).message, failure: 'forbidden' })
      }
    })
    socket.on('upgrade', (response) => {
      if (!isRelay && String(response.headers.server ?? '').includes(RELAY_TOKEN))
        this.close({ cause: 'relay', detail: 'the host is a relay' })
    })
    socket.on('open', () => {
      clearTimeout(deadline)
      isOpen = true
      if (this.#cause !== undefined) return this.close(this.#cause)
      heard()
      pings = setInterval(() => this.#checkAlive(), PING_MS)
      handlers.onOpen()
    })
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      heard()
      // Nothing more is taken once the end is decided.
      if (this.#cause !== undefined) return
      if (isBinary) handlers.onFrame(data)
      else handlers.onText(data)
    })
    socket.on('pong', heard)
    socket.on('ping', heard)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const tooLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
      if (tooLarge) this.#cause ??= { cause: 'too-large', detail: error.message }
      else if (isOpen) this.#cause ??= { cause: 'refused', detail: error.message }
      else this.#cause ??= { cause: 'refused', detail: error.message, failure: handshakeFailure(error) }
    })
    socket.on('close', (code, reason) => {
      clearTimeout(deadline)
      clearInterval(pings)
      resolve(
        this.#cause ?? {
          cause: 'closed',
          detail: `closed with ${code} ${reason.toString('utf8').slice(0, 120)}`.trim(),
        },
      )
    })
  }

  #checkAlive(): void {
    // While reading is paused no pong can be seen.
    if (this.#socket.isPaused) return
    if (performance.now() - this.#lastHeardMs > DEAD_MS) {
      this.#cause ??= { cause: 'dead', detail: `nothing heard for ${DEAD_MS} ms` }
      return this.#socket.terminate()
    }
    this.#socket.ping()
  }
}
