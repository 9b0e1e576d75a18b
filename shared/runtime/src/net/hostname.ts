import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

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

/** Longest text that is looked at at all; a name has 253 characters, in Unicode fewer. */
const MAX_TEXT = 1_024
const MAX_NAME = 253

/** A host as somebody spells it, in parts. */
interface Spelling {
  readonly scheme: string | undefined
  /** As `canonicalName` makes it, an IPv6 address in brackets. */
  readonly name: string
  /** '' where none is said. */
  readonly port: string
}

/**
 * The one spelling of a name: lower case, Unicode as punycode (UTS 46), no dot at the end. What is no name stays none.
 * Throws HostnameError.
 */
function canonicalName(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all that is ASCII.
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : domainToASCII(text)
  if (ascii === '' && text !== '') throw new HostnameError('not a valid hostname')
  const name = ascii.replace(/(?<=[^.])\.$/, '')
  if (name.length > MAX_NAME) throw new HostnameError(`the hostname is longer than ${MAX_NAME} characters`)
  return name
}

function readSpelling(text: string): Spelling {
  if (text.length > MAX_TEXT) throw new HostnameError(`the hostname is longer than ${MAX_NAME} characters`)
  const trimmed = text.trim()
  const match = /^(https?|wss?):\/\//i.exec(trimmed)
  const authority = match === null ? trimmed : trimmed.slice(match[0].length).replace(/\/$/, '')
  if (authority.length === 0) throw new HostnameError('the hostname is empty')
  if (/[/?#]/.test(authority)) throw new HostnameError('a hostname has no path, query or fragment')
  if (authority.includes('@')) throw new HostnameError('a hostname has no user')
  const split = /^([^:[\]]*|\[[^[\]]*\]):(\d+)$/.exec(authority)
  return {
    scheme: match?.[1]?.toLowerCase(),
    name: canonicalName(split?.[1] ?? authority),
    port: split?.[2] ?? '',
  }
}

/**
 * Normalises what an operator or a caller of requestCrawl gives as a host (protocol.md H6): a bare name or an
 * http(s) or ws(s) URL, in any case, in Unicode or not, with a dot at its end or the port of TLS, which is the one it has
 * anyway. No address, other port, user, path or query. In private mode a port, and then any name or address, is allowed,
 * without TLS unless the scheme says so. Throws HostnameError.
 */
export function parseHost(text: string, allowPrivate: boolean): HostAddress {
  const { scheme, name, port } = readSpelling(text)
  const secure = scheme === undefined || scheme === 'https' || scheme === 'wss'
  const fault = faultOf(name)
  if (fault === undefined && secure && (port === '' || port === '443'))
    return { hostname: name, http: `https://${name}`, ws: `wss://${name}` }
  const whole = port === '' ? name : `${name}:${port}`
  if (allowPrivate && PRIVATE.test(whole) && Number(port) < 65_536) {
    const s = secure && scheme !== undefined ? 's' : ''
    return { hostname: whole, http: `http${s}://${whole}`, ws: `ws${s}://${whole}` }
  }
  if (fault !== undefined) throw new HostnameError(fault)
  if (port !== '') throw new HostnameError('a hostname has no port')
  throw new HostnameError('hosts are reached over TLS: https:// or the bare name')
}

/**
 * The one spelling of a domain, as rules for hosts name it: of one label or more, a `*.` in front left as it is. Throws
 * HostnameError.
 */
export function parseDomain(text: string): string {
  const trimmed = text.trim()
  const wild = trimmed.startsWith('*.') ? '*.' : ''
  const name = canonicalName(trimmed.slice(wild.length))
  if (!name.split('.').every((label) => LABEL.test(label))) throw new HostnameError('not a valid domain')
  return wild + name
}

/** Why a name is none of a public host; undefined: it is one. */
function faultOf(name: string): string | undefined {
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name.startsWith('[')) return 'an address is not a hostname'
  if (name.includes(':')) return 'a hostname has no port'
  const labels = name.split('.')
  const top = labels.at(-1) as string
  if (labels.length < 2) return 'a hostname has at least two labels'
  if (!labels.every((label) => LABEL.test(label))) return 'not a valid hostname'
  // A last label of digits (or 0x…) would be read as an IPv4 address in another spelling.
  if (/^(\d+|0x[0-9a-f]*)$/.test(top)) return 'an address is not a hostname'
  return RESERVED_TLDS.has(top) ? `.${top} is a reserved name` : undefined
}

/** The hostname of a PDS endpoint in a DID document (protocol.md D5), undefined where it is not usable. */
export function endpointHost(endpoint: string, allowPrivate: boolean): string | undefined {
  try {
    const { scheme, name, port } = readSpelling(endpoint)
    if (scheme !== 'https' && scheme !== 'http') return undefined
    // Without TLS it is the same host, which is reached with TLS.
    const ownPort = scheme === 'http' ? '80' : '443'
    const isPlain = port === '' || (port === ownPort && !allowPrivate)
    return parseHost(isPlain ? name : `${scheme}://${name}:${port}`, allowPrivate).hostname
  } catch {
    return undefined
  }
}
