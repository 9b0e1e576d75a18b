import { gzipSync } from 'node:zlib'
import { breaksStream } from '@bgs/protocol/reasons/breaks-stream.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { hostParam } from '../http/host-param.ts'
import { integer, optional } from '../http/params.ts'
import type { AdminContext } from './context.ts'
import { type AdminRequest, type AdminRoute, read } from './route.ts'

/** Reasons for which the DID document is looked at again. */
const LOOKED_AT_AGAIN: ReadonlySet<Reason> = new Set<Reason>(['signature-invalid', 'host-not-authoritative'])

/** The bounded sample of refused frames, for the conformance command. */
export const REFUSED_FRAMES: AdminRoute = read(
  '/admin/refused-frames',
  'refused frames as cases for `npm run conformance`, JSON lines compressed with gzip',
  {
    host: 'only of this host',
    reason: 'only those refused for this reason',
    limit: '1 to 5000; 500 by default',
  },
  download,
)

interface Row {
  readonly host: string
  readonly reason: Reason
  readonly at_ms: number
  readonly did: string
  readonly seq: number
  readonly frame: string
  readonly document: string | null
}

async function download({ params }: AdminRequest, { database, allowPrivate }: AdminContext) {
  const named = optional(params, 'host')
  const host = named === null ? '' : hostParam(named, allowPrivate, '"host"').hostname
  const limit = integer(params, 'limit', { least: 1, most: 5_000, fallback: 500 })
  const rows = await database.query<Row>(
    `SELECT host, reason, at_ms, did, seq, frame, document FROM refused_frames
      WHERE frame IS NOT NULL AND ($1 = '' OR host = $1) AND ($2 = '' OR reason = $2)
      ORDER BY at_ms DESC LIMIT $3`,
    [host, optional(params, 'reason') ?? '', limit],
  )
  const lines = rows.map((row) => JSON.stringify(caseOf(row)))
  return {
    status: 200,
    body: gzipSync(lines.join('\n')),
    headers: {
      'content-type': 'application/gzip',
      'content-disposition': 'attachment; filename="refused-frames.jsonl.gz"',
    },
  }
}

/** As the conformance command takes it: the state that the account had is not known, so it is judged as a new one. */
function caseOf({ host, reason, at_ms, did, seq, frame, document }: Row) {
  const expect = breaksStream(reason)
    ? 'disconnect'
    : LOOKED_AT_AGAIN.has(reason)
      ? 'refresh-then-drop'
      : 'drop-invalid'
  return {
    name: `${reason} ${did} ${seq}`,
    expect,
    didDoc: document === null ? { error: 'not known' } : (JSON.parse(document) as unknown),
    refreshedDidDoc: null,
    host,
    prev: null,
    nowMs: Number(at_ms),
    account: { local: 'active', upstream: 'active' },
    frame,
  }
}
