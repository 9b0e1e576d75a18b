import { hash } from 'node:crypto'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { endpointHost } from '@bgs/runtime/net/hostname.ts'

/** What the relay reads in a DID document (protocol.md D3–D6). */
export interface Identity {
  readonly did: string
  /** Type and multibase of the `#atproto` key, as parsePublicKey takes them. */
  readonly keyType: string
  readonly keyMultibase: string
  /** Hostname of the `#atproto_pds` endpoint. */
  readonly pdsHost: string
  /** First valid `at://` name, '' if none; not resolved. */
  readonly handle: string
  /** Of key, PDS and handle: differs when one of them does (I2). */
  readonly digest: string
}

export type DocumentResult = { readonly identity: Identity } | { readonly reason: Reason }

const HANDLE =
  /^at:\/\/([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+)$/

/**
 * Reads a DID document. `text` is what the directory or the did:web host sent; entries beyond the ones named are
 * ignored. A document without a usable key or PDS is a conclusive reason, never an exception.
 */
export function readDocument(text: string, did: string, allowPrivate: boolean): DocumentResult {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return { reason: 'identity-malformed' }
  }
  const fields = asObject(document)
  if (fields === undefined || fields['id'] !== did) return { reason: 'identity-malformed' }
  const key = findKey(fields['verificationMethod'], did)
  if (key === undefined) return { reason: 'identity-no-key' }
  const pdsHost = findPdsHost(fields['service'], did, allowPrivate)
  if (pdsHost === undefined) return { reason: 'identity-no-pds' }
  const handle = findHandle(fields['alsoKnownAs'])
  const digest = hash(
    'sha256',
    JSON.stringify([key.type, key.multibase, pdsHost, handle]),
    'base64url',
  ).slice(0, 22)
  return { identity: { did, keyType: key.type, keyMultibase: key.multibase, pdsHost, handle, digest } }
}

/** A DID document that says what was read in one, as JSON: enough to judge a frame again by. */
export function documentOf({ did, keyType, keyMultibase, pdsHost, handle }: Identity): string {
  const scheme = pdsHost.includes(':') ? 'http' : 'https'
  return JSON.stringify({
    id: did,
    alsoKnownAs: handle === '' ? [] : [`at://${handle}`],
    verificationMethod: [
      { id: `${did}#atproto`, type: keyType, controller: did, publicKeyMultibase: keyMultibase },
    ],
    service: [
      { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: `${scheme}://${pdsHost}` },
    ],
  })
}

/** D4: the first method with fragment `atproto` decides; what comes after it is not a second chance. */
function findKey(methods: unknown, did: string): { type: string; multibase: string } | undefined {
  for (const item of asArray(methods)) {
    const method = asObject(item)
    if (method === undefined || !isFragment(method['id'], did, 'atproto')) continue
    const { type, publicKeyMultibase: multibase, controller } = method
    if (controller !== did || typeof type !== 'string' || typeof multibase !== 'string') return undefined
    return parsePublicKey(type, multibase) === null ? undefined : { type, multibase }
  }
  return undefined
}

/** D5: likewise the first service with fragment `atproto_pds`. */
function findPdsHost(services: unknown, did: string, allowPrivate: boolean): string | undefined {
  for (const item of asArray(services)) {
    const service = asObject(item)
    if (service === undefined || !isFragment(service['id'], did, 'atproto_pds')) continue
    const { type, serviceEndpoint } = service
    if (type !== 'AtprotoPersonalDataServer' || typeof serviceEndpoint !== 'string') return undefined
    return endpointHost(serviceEndpoint, allowPrivate)
  }
  return undefined
}

/** D6. */
function findHandle(names: unknown): string {
  for (const name of asArray(names)) {
    const match = typeof name === 'string' ? HANDLE.exec(name) : null
    if (match !== null) return (match[1] as string).toLowerCase()
  }
  return ''
}

function isFragment(id: unknown, did: string, fragment: string): boolean {
  return id === `#${fragment}` || id === `${did}#${fragment}`
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
