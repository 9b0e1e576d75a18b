import { isIP } from 'node:net'

/** Top-level names that never lead to a public host (protocol.md D2). */
const RESERVED_TLDS = new Set([
  'alt',
  'arpa',
  'example',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
  'test',
])

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** In private mode: any name or address with a port. */
const PRIVATE = /^([a-z0-9.-]+|\[[0-9a-f:.]+\]):([1-9]\d{0,4})$/

/** Thrown for a name that cannot be a host of the network; the message says why, for the one who sent it. */
export class HostnameError extends Error {
  override name = 'HostnameError'
  readonly code = 'hostname'
}

/** A host to crawl: its name in every list and message, and where it is reached. */
export interface HostAddress {
  /** `pds.example.com`, or `localhost:PORT` in private mode. */
  readonly hostname: string
  /** Origin for XRPC over HTTP. */
  readonly http: string
  /** Origin for the event stream. */
  readonly ws: string
}

/**
 * Normalises what an operator or a caller of requestCrawl gives as a host (protocol.md H6): a bare name or an
 * http(s) or ws(s) URL. Lower-cased; no address, port, user, path or query. In private mode a port, and then
 * any name or address, is allowed, without TLS unless the scheme says so. Throws HostnameError.
 */
export function parseHost(text: string, allowPrivate: boolean): HostAddress {
  let name = text.trim().toLowerCase()
  const match = /^(https?|wss?):\/\//.exec(name)
  if (match !== null) name = name.slice(match[0].length).replace(/\/$/, '')
  if (name.length === 0) throw new HostnameError('the hostname is empty')
  if (name.length > 253) throw new HostnameError('the hostname is longer than 253 characters')
  const scheme = match?.[1]
  const secure = scheme === 'https' || scheme === 'wss'
  const withPort = PRIVATE.exec(name)
  if (allowPrivate && withPort !== null && Number(withPort[2]) < 65_536)
    return {
      hostname: name,
      http: `http${secure ? 's' : ''}://${name}`,
      ws: `ws${secure ? 's' : ''}://${name}`,
    }
  if (/[/?#]/.test(name)) throw new HostnameError('a hostname has no path, query or fragment')
  if (name.includes('@')) throw new HostnameError('a hostname has no user')
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name.startsWith('['))
    throw new HostnameError('an address is not a hostname')
  if (name.includes(':')) throw new HostnameError('a hostname has no port')
  const labels = name.split('.')
  const top = labels.at(-1) as string
  if (labels.length < 2) throw new HostnameError('a hostname has at least two labels')
  if (!labels.every((label) => LABEL.test(label))) throw new HostnameError('not a valid hostname')
  // A last label of digits (or 0x…) would be read as an IPv4 address in another spelling.
  if (/^(\d+|0x[0-9a-f]*)$/.test(top)) throw new HostnameError('an address is not a hostname')
  if (RESERVED_TLDS.has(top)) throw new HostnameError(`.${top} is a reserved name`)
  if (scheme !== undefined && !secure)
    throw new HostnameError('hosts are reached over TLS: https:// or the bare name')
  return { hostname: name, http: `https://${name}`, ws: `wss://${name}` }
}

/** The hostname of a PDS endpoint in a DID document (protocol.md D5), undefined where it is not usable. */
export function endpointHost(endpoint: string, allowPrivate: boolean): string | undefined {
  if (!/^https?:\/\//.test(endpoint)) return undefined
  try {
    const bare = endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '')
    return parseHost(allowPrivate && PRIVATE.test(bare.toLowerCase()) ? endpoint : bare, allowPrivate)
      .hostname
  } catch {
    return undefined
  }
}
