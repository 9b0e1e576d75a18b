import { findHost } from '@bgs/database/hosts/host-rows.ts'
import { ok } from '../http/answer.ts'
import { hostParam } from '../http/host-param.ts'
import { required } from '../http/params.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import { hostView } from './host-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.getHostStatus. */
export const getHostStatus: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database, allowPrivate }) {
    const text = required(params, 'hostname')
    const row = await findHost(database, hostParam(text, allowPrivate, 'the parameter "hostname"').hostname)
    if (row === undefined) throw new XrpcError(400, 'HostNotFound', `this relay knows no host ${text}`)
    return ok(hostView(row))
  },
}
