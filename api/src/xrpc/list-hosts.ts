import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { ok } from '../http/answer.ts'
import { integer, optional } from '../http/params.ts'
import { invalid } from '../http/xrpc-error.ts'
import { hostView } from './host-view.ts'
import type { XrpcMethod } from './method.ts'

/** com.atproto.sync.listHosts: oldest first; paged by when a host was first met, and its name. */
export const listHosts: XrpcMethod = {
  kind: 'query',
  async handle({ params }, { database }) {
    const limit = integer(params, 'limit', { least: 1, most: 1_000, fallback: 200 })
    const [createdMs, hostname] = position(optional(params, 'cursor'))
    const rows = await database.query<HostRow>(
      `SELECT * FROM hosts WHERE created_ms > $1 OR (created_ms = $1 AND hostname > $2)
        ORDER BY created_ms, hostname LIMIT $3`,
      [createdMs, hostname, limit],
    )
    const last = rows.length === limit ? rows.at(-1) : undefined
    return ok(
      {
        ...(last === undefined ? {} : { cursor: `${last.created_ms}:${last.hostname}` }),
        hosts: rows.map(hostView),
      },
      { 'cache-control': 'public, max-age=10' },
    )
  },
}

function position(cursor: string | null): [number, string] {
  if (cursor === null) return [0, '']
  const match = /^(\d{1,15}):(.+)$/.exec(cursor)
  if (match === null) throw invalid('the parameter "cursor" is not one that this relay gave')
  return [Number(match[1]), match[2] as string]
}
