import { findHost, type HostRow } from '@bgs/database/hosts/host-rows.ts'
import { hostParam } from '../http/host-param.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import type { AdminContext } from './context.ts'

/** A host that is known. Throws HostNotFound. */
export async function knownHost(
  text: string,
  { database, allowPrivate }: Pick<AdminContext, 'database' | 'allowPrivate'>,
): Promise<HostRow> {
  const row = await findHost(database, hostParam(text, allowPrivate, `"${text}"`).hostname)
  if (row === undefined)
    throw new XrpcError(
      404,
      'HostNotFound',
      `this relay knows no host ${text}: add it first, or ban its domain`,
    )
  return row
}
