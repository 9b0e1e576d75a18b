import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AddressLimits, Place } from './address-limits.ts'
import type { ClientAddresses } from './client-address.ts'
import { endWithHttpError, type HttpError, httpErrorHeaders } from './http-error.ts'
import { monotonicMs } from './monotonic.ts'

/** What any client of an HTTP listener gets of it: header bytes, and time for the header, the request, and to ask again. */
const OPTIONS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
}
const MAX_HEADERS = 100
const MAX_REQUESTS = 1_000
/** Requests that one socket may have sent ahead of the answer that it is given: more are made, and kept, for nothing. */
const MAX_AHEAD = 32
/** A socket on which nothing moves: an answer that is not read, too. Upgraded ones are watched by whoever has them. */
const IDLE_MS = 60_000
/** For a connection over its address's limit, to ask and to hear that it is. */
const OVER_MS = 2_000
/** What is left of a body once the answer is sent: so much may still come, for so long. */
const REST_BYTES = 64 * 1024
const REST_MS = 500
/** Looked at so often: at full speed a few megabytes come meanwhile, taken and dropped. */
const REST_LOOK_MS = 5
const TOO_MANY: HttpError = {
  status: 429,
  error: 'RateLimitExceeded',
  message: 'too many connections from one address',
  headers: { 'retry-after': '10' },
}

export interface ListenerParts {
  /** Whether there is no descriptor for one more connection: it is cut. */
  readonly isFull: () => boolean
  /** Sockets at once; more are cut. */
  readonly maxConnections: number
  readonly clients: ClientAddresses
  readonly limits: AddressLimits
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  /** Asked for a WebSocket. Any other upgrade is answered as the request that it is, and all are where this is not given. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void
}

/**
 * An HTTP server with a bound on everything that a client may take of it (invariant 12). A client is the address of its
 * socket, counted while that is open; behind a trusted proxy it is who the proxy says, counted while it is answered.
 */
export function createListener(parts: ListenerParts): Server {
  const { isFull, maxConnections, clients, limits, onRequest, onUpgrade } = parts
  const places = new WeakMap<Duplex, Place>()
  const ahead = new WeakMap<Duplex, number>()
  const enter = (request: IncomingMessage) =>
    places.get(request.socket) ?? limits.enter('connections', clients.of(request))

  const shouldUpgradeCallback = (request: IncomingMessage) =>
    onUpgrade !== undefined && asksForWebSocket(request)
  const server = createServer({ ...OPTIONS, shouldUpgradeCallback }, (request, response) => {
    // Kept, for the request loses it when it is cut off.
    const { socket } = request
    const count = (ahead.get(socket) ?? 0) + 1
    ahead.set(socket, count)
    if (count > MAX_AHEAD) return void socket.destroy()
    const place = enter(request)
    response.once('close', () => {
      ahead.set(socket, (ahead.get(socket) ?? 0) - 1)
      if (!places.has(socket)) place.leave()
      if (!request.complete) endRest(request, socket)
    })
    if (place.isOver) sendHttpError(response, TOO_MANY)
    else onRequest(request, response)
  })
  server.on('connection', (socket) => {
    if (isFull()) return void socket.destroy()
    const address = clients.ofSocket(socket)
    if (address === undefined) return
    const place = limits.enter('connections', address)
    places.set(socket, place)
    socket.once('close', place.leave)
    if (place.isFarOver) socket.destroy()
    else if (place.isOver) setTimeout(() => socket.destroy(), OVER_MS).unref()
  })
  if (onUpgrade !== undefined)
    server.on('upgrade', (request, socket, head) => {
      // Until the handshake nobody else listens: a client that resets must end nothing but itself.
      socket.on('error', () => socket.destroy())
      const place = enter(request)
      socket.once('close', place.leave)
      if (place.isOver) endWithHttpError(socket, TOO_MANY)
      else onUpgrade(request, socket as Socket, head)
    })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else endWithHttpError(socket, unreadable(error.code))
  })
  server.maxHeadersCount = MAX_HEADERS
  server.maxRequestsPerSocket = MAX_REQUESTS
  server.maxConnections = maxConnections
  server.timeout = IDLE_MS
  return server
}

/**
 * Whether a client asks for a WebSocket, which may be one of several protocols that it would take (RFC 9110 7.8). Many HTTP
 * libraries offer HTTP/2 (`h2c`) with each plain call: a server is free to pass over that.
 */
function asksForWebSocket(request: IncomingMessage): boolean {
  if (request.httpVersion === '1.0') return false
  const offered = (request.headers.upgrade ?? '').toLowerCase().split(',')
  if (!offered.some((protocol) => protocol.trim() === 'websocket')) return false
  // For those who look at it next, the one that is chosen.
  request.headers.upgrade = 'websocket'
  return true
}

function unreadable(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, error: 'InvalidRequest', message: 'the header of the request is too large' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, error: 'InvalidRequest', message: 'the request took too long' }
  return { status: 400, error: 'InvalidRequest', message: 'the request cannot be read' }
}

function sendHttpError(response: ServerResponse, { status, error, message, headers }: HttpError): void {
  const body = JSON.stringify({ error, message })
  response.writeHead(status, { ...httpErrorHeaders(body), ...headers })
  response.end(body)
}

/** The answer is sent, the body is not at its end: an honest client is about to see the answer, the others are cut. */
function endRest(request: IncomingMessage, socket: Socket): void {
  const mostBytes = socket.bytesRead + REST_BYTES
  const endMs = monotonicMs() + REST_MS
  const looking = setInterval(() => {
    const isOver = socket.bytesRead > mostBytes || monotonicMs() > endMs
    if (isOver && !request.complete) socket.destroy()
    if (isOver || request.complete || socket.destroyed) clearInterval(looking)
  }, REST_LOOK_MS)
}
