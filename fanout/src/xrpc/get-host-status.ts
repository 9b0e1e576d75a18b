import { findHost } from '@bgs/shared/hosts/host-rows.ts'
import { HostnameError, parseHost } from '@bgs/shared/net/hostname.ts'
import { ok } from '../http/answer.ts'
import { required } from '../http/params.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import { hostView } from './host-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.getHostStatus. */
export const getHostStatus: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database, allowPrivate }) {
    const text = required(params, 'hostname')
    const row = await findHost(database, normalised(text, allowPrivate))
    if (row === undefined) throw new XrpcError(400, 'HostNotFound', `this relay knows no host ${text}`)
    return ok(hostView(row))
  },
}

function normalised(text: string, allowPrivate: boolean): string {
  try {
    return parseHost(text, allowPrivate).hostname
  } catch (error) {
    if (error instanceof HostnameError) throw invalid(`the parameter "hostname": ${error.message}`)
    throw error
  }
}
