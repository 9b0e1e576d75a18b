import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Answer } from '@bgs/api/http/answer.ts'
import { optional } from '@bgs/api/http/params.ts'
import { readJson } from '@bgs/api/http/read-json.ts'
import { send } from '@bgs/api/http/send.ts'
import { errorAnswer, invalid, XrpcError } from '@bgs/api/http/xrpc-error.ts'
import { refusedPage } from '@bgs/api/pages/page.ts'
import { type PageCall, pageAt } from '@bgs/api/pages/pages.ts'
import { type Call, METHODS } from '@bgs/api/xrpc/call.ts'
import type { AddressLimits } from '@bgs/runtime/service/address-limits.ts'
import type { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import { descriptors } from '@bgs/runtime/service/descriptors.ts'
import { endWithHttpError } from '@bgs/runtime/service/http-error.ts'
import { createListener } from '@bgs/runtime/service/listener.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { SERVER_HEADER, VERSION } from '@bgs/runtime/service/version.ts'
import type { FanoutMetrics } from '../metrics.ts'
import { MAX_SUBSCRIBERS, type Subscriptions } from '../subscribe/subscriptions.ts'

const SUBSCRIBE = 'com.atproto.sync.subscribeRepos'
/** Sockets at once: subscribers, those that were sent away and linger, and callers of XRPC. */
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
  readonly clients: ClientAddresses
  readonly limits: AddressLimits
  /** Undefined while the relay can serve; else why it cannot. */
  readonly unhealthy: () => string | undefined
  readonly call: Call
}

/** The public listener: XRPC over HTTP, the event stream, health (protocol.md section 7). */
export function createPublicServer(parts: PublicServerParts): Server {
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const end = parts.metrics.requestSeconds.startTimer()
    handle(request, parts)
      .catch((error: unknown) => errorAnswer(error, parts.logger))
      .then((answer) => {
        send(response, answer, PUBLIC_HEADERS)
        end()
        parts.metrics.requests.inc({ method: methodLabel(request.url ?? ''), status: String(answer.status) })
      })
      .catch((error: unknown) => parts.logger.error({ err: error }, 'an answer could not be sent'))
  }
  return createListener({
    isFull: () => {
      const isShort = descriptors.isShort('stranger')
      if (isShort)
        parts.logger.error(
          'too few file descriptors are left: no connection is taken; raise the limit (ulimit -n)',
        )
      return isShort
    },
    maxConnections: MAX_CONNECTIONS,
    clients: parts.clients,
    limits: parts.limits,
    onRequest,
    onUpgrade: (request, socket, head) => upgrade(request, socket, head, parts),
  })
}

async function handle(request: IncomingMessage, parts: PublicServerParts): Promise<Answer> {
  if (request.method === 'OPTIONS') return { status: 204, headers: PREFLIGHT_HEADERS }
  const url = URL.parse(request.url ?? '/', 'http://relay')
  if (url === null) throw invalid('the request cannot be read')
  if (url.pathname === '/_health' || url.pathname === '/xrpc/_health') return health(parts)
  const page = pageAt(url, request.headers.accept ?? '')
  if (page !== undefined) return answerPage(request, page, parts)
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
  return parts.call(nsid, { params: url.searchParams, address: parts.clients.of(request), body })
}

async function answerPage(
  request: IncomingMessage,
  page: PageCall,
  parts: PublicServerParts,
): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new XrpcError(405, 'InvalidRequest', 'pages are asked for with GET', { allow: 'GET, HEAD' })
  if ('location' in page) return { status: 303, headers: { location: page.location } }
  const { name, params } = page
  const answer = await parts.call(name, { params, address: parts.clients.of(request), body: undefined })
  return answer.status < 400 ? answer : refusedPage(answer, params)
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
  try {
    const cursor = askedCursor(request, parts)
    const address = parts.clients.of(request)
    const place = parts.limits.enter('subscriptions', address)
    socket.once('close', place.leave)
    if (place.isOver)
      throw new XrpcError(429, 'RateLimitExceeded', 'too many subscriptions from one address', {
        'retry-after': '30',
      })
    parts.subscriptions.upgrade(request, socket, head, cursor, address)
  } catch (error) {
    const { status, code, message, headers } =
      error instanceof XrpcError ? error : invalid('the request cannot be read')
    endWithHttpError(socket, { status, error: code, message, headers })
  }
}

/** The cursor of somebody who may subscribe now. Throws an XrpcError. */
function askedCursor(request: IncomingMessage, parts: PublicServerParts): string | null {
  const url = URL.parse(request.url ?? '/', 'http://relay')
  if (url === null) throw invalid('the request cannot be read')
  if (request.method !== 'GET') throw new XrpcError(405, 'InvalidRequest', 'a stream is asked for with GET')
  if (!url.pathname.startsWith('/xrpc/')) throw new XrpcError(404, 'NotFound', 'no such stream')
  if (url.pathname !== `/xrpc/${SUBSCRIBE}`)
    throw new XrpcError(501, 'MethodNotImplemented', `this relay has no stream ${url.pathname.slice(6)}`)
  const unhealthy = parts.unhealthy()
  if (unhealthy !== undefined) throw new XrpcError(503, 'ServiceUnavailable', unhealthy)
  return optional(url.searchParams, 'cursor')
}

function health(parts: PublicServerParts): Answer {
  const unhealthy = parts.unhealthy()
  if (unhealthy === undefined) return { status: 200, body: { version: VERSION, status: 'ok' } }
  return { status: 503, body: { version: VERSION, status: unhealthy } }
}

/** Labels come from a closed set: what is not known is one word. */
function methodLabel(url: string): string {
  const nsid = /^\/xrpc\/([^/?]+)/.exec(url)?.[1] ?? ''
  if (nsid === '' && /^\/(hosts|accounts)?([/?.]|$)/.test(url)) return 'page'
  return Object.hasOwn(METHODS, nsid) || nsid === SUBSCRIBE ? nsid : 'other'
}
