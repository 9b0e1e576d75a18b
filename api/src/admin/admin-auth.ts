import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import { networkOf } from '@bgs/runtime/service/parse-address.ts'
import { RateLimit } from '../http/rate-limit.ts'
import { XrpcError } from '../http/xrpc-error.ts'

/** Wrong passwords from one address; beyond it nothing is looked at for a while. */
const WRONG = { perMinute: 6, burst: 10 }
/** Requests of one address, right ones too. */
const ALL = { perMinute: 1_200, burst: 300 }
const USER = 'admin'
const CHALLENGE = { 'www-authenticate': 'Basic realm="relay", charset="UTF-8"' }

/** Lets operators in: HTTP Basic `admin:…` with any of several passwords, so that one can be changed (protocol.md 7). */
export class AdminAuth {
  readonly #digests: readonly Buffer[]
  readonly #clients: ClientAddresses
  readonly #wrong = new RateLimit(WRONG)
  readonly #all = new RateLimit(ALL)

  constructor(passwords: readonly string[], clients: ClientAddresses) {
    this.#digests = passwords.map(digest)
    this.#clients = clients
  }

  /** Without a password there is no admin API. */
  get isOpen(): boolean {
    return this.#digests.length > 0
  }

  /**
   * Who asks, in words for the audit log. Throws an XrpcError: 401, 403 for what a page of somebody else has a browser
   * send, 429.
   */
  authenticate(request: IncomingMessage): string {
    const address = this.#clients.of(request)
    const network = networkOf(address)
    this.#all.take(network)
    if (!this.isOpen)
      throw new XrpcError(403, 'AdminDisabled', 'the admin API is off: RELAY_ADMIN_PASSWORD is not set')
    rejectCrossSite(request)
    const which = this.#passwordOf(request.headers.authorization ?? '')
    if (which >= 0) return `${USER} (password ${which + 1}) from ${address}`
    // Only what is wrong counts, so that nobody can lock an operator out by being right often.
    if (request.headers.authorization !== undefined) this.#wrong.take(network)
    // The dashboard asks for a password itself: with this header the browser would, too, and then keep it.
    const isDashboard = request.headers['x-requested-with'] === 'dashboard'
    const message = 'give admin and a password by HTTP Basic'
    throw new XrpcError(401, 'AuthenticationRequired', message, isDashboard ? {} : CHALLENGE)
  }

  /** Index of the password that was given, -1 where it is none. All are compared, each in the same time. */
  #passwordOf(authorization: string): number {
    const [scheme = '', credentials = ''] = authorization.split(' ')
    const text = Buffer.from(credentials, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    const given = digest(text.slice(colon + 1))
    let found = -1
    for (const [i, known] of this.#digests.entries()) if (timingSafeEqual(known, given)) found = i
    const isUser = timingSafeEqual(digest(colon < 0 ? '' : text.slice(0, colon)), digest(USER))
    return isUser && scheme.toLowerCase() === 'basic' ? found : -1
  }
}

/** A browser sends an operator's password along with whatever any page asks for: only our own page may (CSRF). */
function rejectCrossSite(request: IncomingMessage): void {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  const isForeign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && URL.parse(origin)?.host !== host)
  if (isForeign) throw new XrpcError(403, 'Forbidden', 'asked for by a page of another site')
  if (request.method !== 'GET' && !(request.headers['content-type'] ?? '').startsWith('application/json'))
    throw new XrpcError(415, 'InvalidRequest', 'acts are sent as application/json')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
