import { ok } from '../http/answer.ts'
import { requiredDid } from '../http/params.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import { accountOf, requireActive } from './account-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.getLatestCommit: the last commit that this relay took (protocol.md section 5). */
export const getLatestCommit: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database, allowPrivate }) {
    const account = await accountOf(database, requiredDid(params, allowPrivate))
    requireActive(account)
    if (account.rev === null || account.commit_cid === null)
      throw new XrpcError(400, 'RepoNotFound', `no commit of ${account.did} was seen yet`)
    return ok({ cid: account.commit_cid, rev: account.rev })
  },
}
