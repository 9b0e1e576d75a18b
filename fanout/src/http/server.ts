import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from '@bgs/shared/service/logger.ts'
import { SERVER_HEADER, VERSION } from '@bgs/shared/service/version.ts'
import type { FanoutMetrics } from '../metrics.ts'
import { MAX_SUBSCRIBERS, refuseUpgrade, type Subscriptions } from '../subscribe/subscriptions.ts'
import { type Call, METHODS } from '../xrpc/call.ts'
import type { Answer } from './answer.ts'
import { optional } from './params.ts'
import { readJson } from './read-json.ts'
import { send } from './send.ts'
import { errorAnswer, invalid, XrpcError } from './xrpc-error.ts'

const SUBSCRIBE = 'com.atproto.sync.subscribeRepos'
/** Sockets at once: subscribers, those that were sent away and linger, and callers of XRPC; more are cut at once. */
const MAX_CONNECTIONS = MAX_SUBSCRIBERS + 2_000

const PUBLIC_HEADERS = { server: SERVER_HEADER, 'access-control-allow-origin': '*' }
const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': '*, authorization, content-type, atproto-accept-labelers, atproto-proxy',
  'access-control-max-age': '86400',
}

export interface PublicServerParts {
  readonly subscriptions: Subscriptions
  readonly metrics: FanoutMetrics
  readonly logger: Logger
  readonly clientAddress: (request: IncomingMessage) => string
  /** Undefined while the relay can serve; else why it cannot. */
  readonly unhealthy: () => string | undefined
  readonly call: Call
}

/** The public listener: XRPC over HTTP, the event stream, health (protocol.md section 7). */
export function createPublicServer(parts: PublicServerParts): Server {
  const server = createServer((request, response) => {
    const end = parts.metrics.requestSeconds.startTimer()
    handle(request, parts)
      .catch((error: unknown) => errorAnswer(error, parts.logger))
      .then((answer) => {
        send(response, answer, PUBLIC_HEADERS)
        end()
        parts.metrics.requests.inc({ method: methodLabel(request.url ?? ''), status: String(answer.status) })
      })
      .catch((error: unknown) => parts.logger.error({ err: error }, 'an answer could not be sent'))
  })
  server.on('upgrade', (request, socket, head) => upgrade(request, socket as Socket, head, parts))
  server.headersTimeout = 10_000
  server.requestTimeout = 30_000
  server.maxRequestsPerSocket = 1_000
  server.maxConnections = MAX_CONNECTIONS
  return server
}

async function handle(request: IncomingMessage, parts: PublicServerParts): Promise<Answer> {
  if (request.method === 'OPTIONS') return { status: 204, headers: PREFLIGHT_HEADERS }
  const url = new URL(request.url ?? '/', 'http://relay')
  if (url.pathname === '/_health' || url.pathname === '/xrpc/_health') return health(parts)
  if (url.pathname === '/') return frontPage()
  const nsid = /^\/xrpc\/([^/]+)$/.exec(url.pathname)?.[1]
  if (nsid === undefined) throw new XrpcError(404, 'NotFound', 'no such page')
  if (nsid === SUBSCRIBE) throw upgradeRequired(request)
  const method = Object.hasOwn(METHODS, nsid) ? METHODS[nsid] : undefined
  if (method === undefined)
    throw new XrpcError(501, 'MethodNotImplemented', `this relay has no method ${nsid}`)
  const expected = method.kind === 'query' ? ['GET', 'HEAD'] : ['POST']
  if (!expected.includes(request.method ?? ''))
    throw new XrpcError(405, 'InvalidRequest', `${nsid} is called with ${expected[0]}`, {
      allow: expected.join(', '),
    })
  const body = method.kind === 'procedure' ? await readJson(request) : undefined
  return parts.call(nsid, { params: url.searchParams, address: parts.clientAddress(request), body })
}

/** The stream asked for without an upgrade (protocol.md W13). */
function upgradeRequired(request: IncomingMessage): XrpcError {
  if (request.method !== 'GET')
    return new XrpcError(405, 'InvalidRequest', `${SUBSCRIBE} is called with GET`, { allow: 'GET' })
  return new XrpcError(426, 'UpgradeRequired', `${SUBSCRIBE} is a WebSocket`, {
    upgrade: 'websocket',
    connection: 'upgrade',
  })
}

function upgrade(request: IncomingMessage, socket: Socket, head: Buffer, parts: PublicServerParts): void {
  // Until the handshake nobody else listens: a client that resets must end nothing but itself.
  socket.on('error', () => socket.destroy())
  const url = URL.parse(request.url ?? '/', 'http://relay')
  if (url === null) return refuseUpgrade(socket, 400, 'InvalidRequest', 'the request cannot be read')
  if (request.method !== 'GET')
    return refuseUpgrade(socket, 405, 'InvalidRequest', 'a stream is asked for with GET')
  if (!url.pathname.startsWith('/xrpc/')) return refuseUpgrade(socket, 404, 'NotFound', 'no such stream')
  if (url.pathname !== `/xrpc/${SUBSCRIBE}`)
    return refuseUpgrade(
      socket,
      501,
      'MethodNotImplemented',
      `this relay has no stream ${url.pathname.slice(6)}`,
    )
  const unhealthy = parts.unhealthy()
  if (unhealthy !== undefined) return refuseUpgrade(socket, 503, 'ServiceUnavailable', unhealthy)
  try {
    parts.subscriptions.upgrade(
      request,
      socket,
      head,
      optional(url.searchParams, 'cursor'),
      parts.clientAddress(request),
    )
  } catch (error) {
    const { status, code, message } =
      error instanceof XrpcError ? error : invalid('the request cannot be read')
    refuseUpgrade(socket, status, code, message)
  }
}

function health(parts: PublicServerParts): Answer {
  const unhealthy = parts.unhealthy()
  if (unhealthy === undefined) return { status: 200, body: { version: VERSION, status: 'ok' } }
  return { status: 503, body: { version: VERSION, status: unhealthy } }
}

function frontPage(): Answer {
  const body = [
    'This is a relay of the AT Protocol: one verified stream of many servers.',
    '',
    `  stream   /xrpc/${SUBSCRIBE}?cursor=SEQ   (WebSocket; without a cursor: live, 0: the whole window)`,
    '  hosts    /xrpc/com.atproto.sync.listHosts',
    '  repos    /xrpc/com.atproto.sync.listRepos',
    '  health   /_health',
    '',
    'To have a server crawled: POST {"hostname": "pds.example.com"} to /xrpc/com.atproto.sync.requestCrawl',
    '',
  ].join('\n')
  return { status: 200, body, headers: { 'content-type': 'text/plain; charset=utf-8' } }
}

/** Labels come from a closed set: what is not known is one word. */
function methodLabel(url: string): string {
  const nsid = /^\/xrpc\/([^/?]+)/.exec(url)?.[1] ?? ''
  return Object.hasOwn(METHODS, nsid) || nsid === SUBSCRIBE ? nsid : 'other'
}
