import { ok } from '../http/answer.ts'
import { integer } from '../http/params.ts'
import { type AccountView, accountPage, statusOf } from './account-view.ts'
import type { XrpcMethod } from './method.ts'

/** Listed with active=false; every other inactive account is left out (protocol.md section 5). */
const LISTED = new Set(['takendown', 'suspended', 'deactivated'])

/**
 * com.atproto.sync.listRepos: paged by the seq at which an account was first seen, which never changes; a page may be
 * short while the cursor goes on.
 */
export const listRepos: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database }) {
    const limit = integer(params, 'limit', { least: 1, most: 1_000, fallback: 500 })
    const after = integer(params, 'cursor', { least: 0, most: Number.MAX_SAFE_INTEGER, fallback: 0 })
    const rows = await accountPage(database, after, limit)
    const last = rows.length === limit ? rows.at(-1) : undefined
    return ok({
      ...(last === undefined ? {} : { cursor: String(last.first_seq) }),
      repos: rows.flatMap(listed),
    })
  },
}

function listed(account: AccountView) {
  const { did, rev, commit_cid: head } = account
  const { active, status } = statusOf(account)
  if (rev === null || head === null || !(active || LISTED.has(status ?? ''))) return []
  return [{ did, head, rev, active, ...(status === null ? {} : { status }) }]
}
