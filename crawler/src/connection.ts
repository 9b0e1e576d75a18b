import type { Socket } from 'node:net'
import { MAX_FRAME_BYTES } from '@bgs/protocol/frame/head.ts'
import { checkTarget } from '@bgs/runtime/net/guard.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import WebSocket from 'ws'
import { type HandshakeFailure, handshakeFailure } from './handshake-failure.ts'
import { HANDSHAKE_MS, type Names, Opening } from './opening.ts'

/** A ping so often (W12) … */
const PING_MS = 30_000
/** … and a peer from which nothing came for so long is dead. */
const DEAD_MS = 75_000
/** What a socket is read at once: of the last such part some may belong to messages that are finished. */
const ONE_READ = 64 * 1024
/** Bytes before the payload of a ping or pong that a server sends. */
const CONTROL_HEADER = 2
/** Redirects followed at the upgrade (W14). */
const MAX_REDIRECTS = 3
/** Token in `Server` by which relays know each other (H5). */
const RELAY_TOKEN = 'atproto-relay'

/** Messages of control that are wrong, as the library names it. */
const CONTROL_ERRORS = new Set(['WS_ERR_INVALID_CLOSE_CODE', 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'])

/** How a connection ended. */
export interface ConnectionEnd {
  readonly cause: 'refused' | 'closed' | 'dead' | 'relay' | 'too-large' | 'broken' | 'stopped'
  readonly detail: string
  /** Where it was never opened. */
  readonly failure?: HandshakeFailure
  /** For how long it was open, where the other side ended it, or what lies between. */
  readonly stoodMs?: number
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
  readonly #opening: Opening
  #lastReceivedMs = performance.now()
  #openedMs: number | undefined
  #stream: Socket | undefined
  /** Bytes of the stream that whole messages were made of, and since when there may be others. */
  #takenBytes = 0
  #takenMs = performance.now()
  #pausedMs: number | undefined
  #cause: ConnectionEnd | undefined

  /** `isRelay`: the host is known to be a relay, and crawled all the same (H5). */
  constructor(
    hostname: string,
    cursor: number | null,
    allowPrivate: boolean,
    isRelay: boolean,
    names: Names,
    handlers: ConnectionHandlers,
  ) {
    const path = '/xrpc/com.atproto.sync.subscribeRepos'
    const url = new URL(
      `${parseHost(hostname, allowPrivate).ws}${path}${cursor === null ? '' : `?cursor=${cursor}`}`,
    )
    checkTarget(url, allowPrivate)
    this.#opening = new Opening(names, allowPrivate, () =>
      this.close({
        cause: 'refused',
        detail: `no handshake within ${HANDSHAKE_MS} ms`,
        failure: 'timeout',
      }),
    )
    const socket = new WebSocket(url, {
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: true,
      maxRedirects: MAX_REDIRECTS,
      // The strict scan looks at every text; nothing else here is text.
      skipUTF8Validation: true,
      headers: { 'user-agent': USER_AGENT },
      createConnection: this.#opening.createConnection as never,
    })
    this.#socket = socket
    this.ended = new Promise((resolve) => this.#listen(handlers, allowPrivate, isRelay, resolve))
  }

  /**
   * Bytes that came and are part of no message yet; what the socket read together with the last message is among them.
   * And for how long that has been so, in milliseconds, but for what it was paused: the host can finish nothing then. To be
   * asked now and then.
   */
  get unfinished(): { readonly bytes: number; readonly ageMs: number } {
    const bytes = Math.max(0, (this.#stream?.bytesRead ?? 0) - this.#takenBytes - ONE_READ)
    const nowMs = this.#pausedMs ?? performance.now()
    if (bytes === 0) this.#takenMs = nowMs
    return { bytes, ageMs: nowMs - this.#takenMs }
  }

  /** Stops reading from the socket; the host's sending fills up its own buffers. */
  pause(): void {
    this.#pausedMs ??= performance.now()
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.pause()
  }

  resume(): void {
    const nowMs = performance.now()
    this.#takenMs += nowMs - (this.#pausedMs ?? nowMs)
    this.#pausedMs = undefined
    this.#lastReceivedMs = nowMs
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

  /** Ends the connection without a word: what was received of a message is let go of at once. */
  abort(cause: ConnectionEnd): void {
    this.#cause ??= cause
    this.#socket.terminate()
  }

  #listen(
    handlers: ConnectionHandlers,
    allowPrivate: boolean,
    isRelay: boolean,
    resolve: (end: ConnectionEnd) => void,
  ): void {
    const socket = this.#socket
    const received = () => {
      this.#lastReceivedMs = performance.now()
    }
    let pings: NodeJS.Timeout | undefined
    socket.on('redirect', (target: string) => {
      try {
        checkTarget(new URL(target), allowPrivate)
      } catch (error) {
        this.close({ cause: 'refused', detail: errorText(error), failure: 'forbidden' })
      }
    })
    socket.on('upgrade', (response) => {
      this.#stream = response.socket
      this.#takenBytes = response.socket.bytesRead
      if (!isRelay && String(response.headers.server ?? '').includes(RELAY_TOKEN))
        this.close({ cause: 'relay', detail: 'the host is a relay' })
    })
    socket.on('open', () => {
      this.#opening.end()
      this.#openedMs = performance.now()
      if (this.#cause !== undefined) return this.close(this.#cause)
      received()
      pings = setInterval(() => this.#checkAlive(), PING_MS)
      handlers.onOpen()
    })
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      received()
      this.#takenBytes = this.#stream?.bytesRead ?? 0
      this.#takenMs = this.#lastReceivedMs
      // Nothing more is taken once the end is decided.
      if (this.#cause !== undefined) return
      if (isBinary) handlers.onFrame(data)
      else handlers.onText(data)
    })
    const receivedControl = (data: Buffer) => {
      received()
      this.#takenBytes += CONTROL_HEADER + data.length
    }
    socket.on('pong', receivedControl)
    socket.on('ping', receivedControl)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#cause ??= this.#openedMs === undefined ? notOpened(error) : this.#afterOpen(error)
    })
    socket.on('close', (code, reason) => {
      this.#opening.end()
      clearInterval(pings)
      const detail = `closed with ${code} ${reason.toString('utf8').slice(0, 120)}`.trim()
      resolve(this.#cause ?? { cause: 'closed', detail, ...this.#stood() })
    })
  }

  #afterOpen(error: NodeJS.ErrnoException): ConnectionEnd {
    const { code = '' } = error
    const detail = errorText(error)
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return { cause: 'too-large', detail }
    // What is wrong with a ping, a pong or a close is not in the sequence: there is nothing to step over.
    if (code.startsWith('WS_ERR_') && !CONTROL_ERRORS.has(code)) return { cause: 'broken', detail }
    return { cause: 'refused', detail, ...this.#stood() }
  }

  #stood(): { stoodMs?: number } {
    return this.#openedMs === undefined ? {} : { stoodMs: performance.now() - this.#openedMs }
  }

  #checkAlive(): void {
    // While reading is paused no pong can be seen.
    if (this.#socket.isPaused) return
    if (performance.now() - this.#lastReceivedMs > DEAD_MS) {
      this.#cause ??= { cause: 'dead', detail: `nothing heard for ${DEAD_MS} ms` }
      return this.#socket.terminate()
    }
    this.#socket.ping()
  }
}

function notOpened(error: NodeJS.ErrnoException): ConnectionEnd {
  return { cause: 'refused', detail: errorText(error), failure: handshakeFailure(error) }
}
