import { isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { isPublicAddress } from './address.ts'
import { connectFirst } from './connect.ts'

/** A way out was refused: the target is not on the public internet (protocol.md H7). */
export class ForbiddenAddressError extends Error {
  override name = 'ForbiddenAddressError'
  readonly code = 'forbidden-address'
}

/**
 * Checks a URL before any socket is made. The URL parser has already turned every spelling of an IPv4 address into dotted
 * decimals. Throws ForbiddenAddressError.
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

/** Of a host's addresses those that may be connected to, at least one. Throws ForbiddenAddressError. */
export function openAddresses(
  host: string,
  addresses: readonly string[],
  allowPrivate: boolean,
): readonly string[] {
  if (allowPrivate) return addresses
  const open = addresses.filter(isPublicAddress)
  if (open.length === 0) throw new ForbiddenAddressError(`${host} has no public address`)
  return open
}

/** Where a socket goes; `tls` are the options of a TLS connection, absent where there is none. */
export interface WayOut {
  readonly host: string
  readonly port: number
  readonly addresses: readonly string[]
  readonly tls?: ConnectionOptions
}

/**
 * Connects to whichever of the addresses answers first: the ones that were checked are the very ones that are connected to,
 * so a name that changes its mind between check and connect gains nothing (H7). Throws as `connectFirst`.
 */
export async function connectOut(way: WayOut, signal?: AbortSignal): Promise<Socket | TLSSocket> {
  const socket = await connectFirst(way.addresses, way.port, signal)
  if (way.tls === undefined) return socket
  const servername = way.tls.servername ?? (isIP(way.host) === 0 ? way.host : '')
  return connectTls({ ...way.tls, socket, servername })
}
