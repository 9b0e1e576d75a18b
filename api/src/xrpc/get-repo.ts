import { parseHost } from '@bgs/runtime/net/hostname.ts'
import { NO_STORE } from '../http/answer.ts'
import { requiredDid } from '../http/params.ts'
import { accountOf, requireActive } from './account-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.getRepo: a relay keeps no repos; the account's PDS does. */
export const getRepo: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database, allowPrivate }) {
    const account = await accountOf(database, requiredDid(params, allowPrivate))
    requireActive(account)
    const location = `${parseHost(account.host, allowPrivate).http}/xrpc/com.atproto.sync.getRepo?${params}`
    return { status: 302, headers: { ...NO_STORE, location } }
  },
}
