import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import { type HttpGetError, httpGet } from '@bgs/runtime/net/http-get.ts'
import { type Identity, readDocument } from './document.ts'

/**
 * One look-up's answer: found; conclusively not usable; or transient, when asking later may help. `whole`: the
 * resolver as a whole does not answer (it was overloaded or could not be reached), not just this DID.
 */
export type Resolution =
  | { readonly kind: 'found'; readonly identity: Identity }
  | { readonly kind: 'unusable'; readonly reason: Reason }
  | {
      readonly kind: 'transient'
      readonly whole: boolean
      readonly retryAfterMs: number
      readonly detail: string
    }

export interface ResolveOptions {
  readonly plcUrl: string
  readonly allowPrivate: boolean
  readonly userAgent: string
  readonly timeoutMs: number
}

/** DID documents are far smaller (protocol.md D1). */
const MAX_DOCUMENT_BYTES = 256 * 1024
const CONNECTION_FAILURES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EPIPE',
])

/** Resolves a DID at its authority (protocol.md D1, D2). Never throws for what the network does. */
export async function resolveDid(did: string, options: ResolveOptions): Promise<Resolution> {
  const web = did.startsWith('did:web:')
  let url: URL
  try {
    url = web ? webUrl(did, options.allowPrivate) : new URL(`/${did}`, options.plcUrl)
  } catch {
    // A reserved or impossible name: fails at once (D2).
    return { kind: 'unusable', reason: 'identity-not-found' }
  }
  try {
    const reply = await httpGet(url, {
      timeoutMs: options.timeoutMs,
      maxBytes: MAX_DOCUMENT_BYTES,
      userAgent: options.userAgent,
      trust: web ? (options.allowPrivate ? 'private' : 'public') : 'operator',
    })
    if (reply.ok) {
      const read = readDocument(reply.body, did, options.allowPrivate)
      if ('identity' in read) return { kind: 'found', ...read }
      // Something in front of the directory has answered (a proxy's page): it says nothing about the DID (D1).
      if (!web && read.reason === 'identity-malformed' && !isObject(reply.body))
        return { kind: 'transient', whole: false, retryAfterMs: 0, detail: 'the answer is no JSON object' }
      return { kind: 'unusable', ...read }
    }
    if (reply.status === 410)
      return { kind: 'unusable', reason: web ? 'identity-not-found' : 'identity-tombstoned' }
    if (reply.status === 404) return { kind: 'unusable', reason: 'identity-not-found' }
    const overloaded = reply.status === 429 || reply.status === 503
    return {
      kind: 'transient',
      whole: !web && overloaded,
      retryAfterMs: retryAfter(reply.headers['retry-after']),
      detail: `HTTP ${reply.status}`,
    }
  } catch (error) {
    const { code, message } = error as HttpGetError
    if (web && (code === 'ENOTFOUND' || code === 'forbidden-address'))
      return { kind: 'unusable', reason: 'identity-not-found' }
    return {
      kind: 'transient',
      whole: !web && CONNECTION_FAILURES.has(code),
      retryAfterMs: 0,
      detail: message,
    }
  }
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** D2: hostname form only; in private mode also `localhost%3APORT`. Throws where the name is not usable. */
function webUrl(did: string, allowPrivate: boolean): URL {
  const name = did.slice('did:web:'.length)
  const host = parseHost(allowPrivate ? name.replace(/%3a/i, ':') : name, allowPrivate)
  return new URL('/.well-known/did.json', host.http)
}

function retryAfter(header: string | string[] | undefined): number {
  const seconds = Number(Array.isArray(header) ? header[0] : header)
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1_000 : 0
}
