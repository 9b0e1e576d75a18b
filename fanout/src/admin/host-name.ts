import { findHost, type HostRow } from '@bgs/shared/hosts/host-rows.ts'
import { HostnameError, parseHost } from '@bgs/shared/net/hostname.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import type { AdminContext } from './context.ts'

/** A host's name as it stands in every list. Throws an XrpcError. */
export function hostnameOf(text: string, allowPrivate: boolean): string {
  try {
    return parseHost(text, allowPrivate).hostname
  } catch (error) {
    if (error instanceof HostnameError) throw invalid(`"${text}": ${error.message}`)
    throw error
  }
}

/** A host that is known. Throws HostNotFound. */
export async function knownHost(
  text: string,
  { database, allowPrivate }: Pick<AdminContext, 'database' | 'allowPrivate'>,
): Promise<HostRow> {
  const row = await findHost(database, hostnameOf(text, allowPrivate))
  if (row === undefined)
    throw new XrpcError(
      404,
      'HostNotFound',
      `this relay knows no host ${text}: add it first, or ban its domain`,
    )
  return row
}
