import { ok } from '../http/answer.ts'
import { requiredDid } from '../http/params.ts'
import { accountOf, statusOf } from './account-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.getRepoStatus: effective status; rev only while active (protocol.md section 5). */
export const getRepoStatus: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database, allowPrivate }) {
    const account = await accountOf(database, requiredDid(params, allowPrivate))
    const { active, status } = statusOf(account)
    return ok({
      did: account.did,
      active,
      ...(status === null ? {} : { status }),
      ...(active && account.rev !== null ? { rev: account.rev } : {}),
    })
  },
}
