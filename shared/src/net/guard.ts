import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import { isPublicAddress } from './address.ts'

/** A way out was refused: the target is not on the public internet (protocol.md H7). */
export class ForbiddenAddressError extends Error {
  override name = 'ForbiddenAddressError'
  readonly code = 'forbidden-address'
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void
export type GuardedLookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void

/**
 * A `lookup` for sockets that connects only to public addresses: the addresses that are checked are the very ones
 * that are connected to, so a name that changes its mind between check and connect gains nothing.
 */
export const guardedLookup: GuardedLookup = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const open = addresses.filter(({ address }) => isPublicAddress(address))
    const [first] = open
    if (first === undefined)
      return callback(
        new ForbiddenAddressError(`${hostname} has no public address`) as NodeJS.ErrnoException,
        [],
      )
    if (options.all === true) return callback(null, open)
    callback(null, first.address, first.family)
  })
}

/**
 * Checks a URL before any socket is made: a literal address never asks `lookup`. The URL parser has already turned
 * every spelling of an IPv4 address into dotted decimals. Throws ForbiddenAddressError.
 */
export function checkTarget(url: URL, allowPrivate: boolean): void {
  if (allowPrivate) return
  const secure = url.protocol === 'https:' || url.protocol === 'wss:'
  if (!secure) throw new ForbiddenAddressError(`${url.protocol} is not allowed: TLS is required`)
  if (url.port !== '' && url.port !== '443')
    throw new ForbiddenAddressError(`port ${url.port} is not allowed`)
  if (url.username !== '' || url.password !== '')
    throw new ForbiddenAddressError('a user in a URL is not allowed')
  const bare = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0) throw new ForbiddenAddressError('an address in place of a name is not allowed')
}

/** The lookup for a checked URL: guarded, but in private mode. */
export function lookupFor(allowPrivate: boolean): GuardedLookup | undefined {
  return allowPrivate ? undefined : guardedLookup
}
