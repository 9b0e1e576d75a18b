import type { Database } from '@bgs/contract/database.ts'
import { decodeFacts } from '@bgs/contract/envelope/facts.ts'
import { bytesBehind } from '@bgs/embedded/log/bytes-behind.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { REASONS, type Reason } from '@bgs/protocol/reasons/reason.ts'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { ok } from '../http/answer.ts'
import { integer } from '../http/params.ts'
import { hostsByState } from '../reports/host-report.ts'
import { auditEntries } from './audit.ts'
import type { AdminContext } from './context.ts'
import { newestBatches } from './newest-batches.ts'
import { type AdminRequest, type AdminRoute, read } from './route.ts'

/** So much of the log's end is looked through for events at most. */
const LOOK_BYTES = 16 * 1024 * 1024

/** Questions about the relay as a whole. */
export const VIEWS: readonly AdminRoute[] = [
  read(
    '/admin/overview',
    'log, view, hosts by state, processes and leases, refusals by reason',
    {},
    overview,
  ),
  read(
    '/admin/events',
    'the newest events of the stream, in short',
    { limit: '1 to 200; 50 by default' },
    events,
  ),
  read(
    '/admin/audit',
    'what operators did, newest first',
    { limit: '1 to 1000; 100 by default', before: 'only what was done before this time, in milliseconds' },
    async ({ params }, { database }) => {
      const limit = integer(params, 'limit', { least: 1, most: 1_000, fallback: 100 })
      const before = integer(params, 'before', {
        least: 0,
        most: Number.MAX_SAFE_INTEGER,
        // Not the time of day: an entry made before the clock was set back is still the newest.
        fallback: Number.MAX_SAFE_INTEGER,
      })
      return ok({ entries: await auditEntries(database, before, limit) })
    },
  ),
]

async function overview(_request: AdminRequest, { database, log, now }: AdminContext) {
  const { first, next } = log.bounds()
  const [view] = await database.query<{ generation: number; position: number }>(
    'SELECT generation, position FROM view WHERE id = 1',
  )
  const refusals = await database.query<{ reason: Reason; frames: number; last_ms: number }>(
    `SELECT reason, SUM(frames) AS frames, MAX(last_ms) AS last_ms FROM refusals GROUP BY reason
      ORDER BY SUM(frames) DESC, reason`,
  )
  return ok({
    version: VERSION,
    nowMs: now(),
    log: { oldest: first, head: next - 1 },
    view: {
      generation: Number(view?.generation ?? 0),
      position: Number(view?.position ?? 0),
      // In bytes: seqs have gaps, and their difference counts nothing.
      bytesBehind: bytesBehind(log.files.segments, Number(view?.position ?? 0) + 1, next),
    },
    hosts: await hostsByState(database),
    refusals: refusals.map(({ reason, frames, last_ms }) => ({
      reason,
      text: REASONS[reason]?.text ?? '',
      frames: Number(frames),
      lastMs: Number(last_ms),
    })),
    members: await members(database),
    partitions: await partitions(database),
  })
}

/** The processes of a cluster that have said that they live; none in an embedded relay. */
async function members(database: Database) {
  const rows = await database.query<{ id: string; role: string; started_ms: number; expires_ms: number }>(
    'SELECT id, role, started_ms, expires_ms FROM members ORDER BY role, started_ms',
  )
  return rows.map(({ id, role, started_ms, expires_ms }) => ({
    id,
    role,
    startedMs: Number(started_ms),
    expiresMs: Number(expires_ms),
  }))
}

async function partitions(database: Database) {
  const rows = await database.query<{
    topic: string
    number: number
    position: number
    owner: string | null
    fence: number
  }>('SELECT topic, number, position, owner, fence FROM partitions ORDER BY topic, number')
  return rows.map(({ topic, number, position, owner, fence }) => ({
    topic,
    number: Number(number),
    position: Number(position),
    owner,
    fence: Number(fence),
  }))
}

/** An event in short: what an operator wants to see pass by. */
export interface ShortEvent {
  readonly seq: number
  readonly type: string
  readonly did: string
  readonly rev?: string
  readonly ops?: readonly string[]
  readonly active?: boolean
  readonly status?: string
}

async function events({ params }: AdminRequest, { log }: AdminContext) {
  const limit = integer(params, 'limit', { least: 1, most: 200, fallback: 50 })
  const head = log.bounds().next - 1
  const shown: ShortEvent[] = []
  let looked = 0
  for await (const batches of newestBatches(log)) {
    for (const batch of batches.toReversed())
      for (let i = batch.count - 1; i >= 0 && shown.length < limit; i--) {
        if (batch.kind(i) === 'quiet') continue
        const { did } = decodeFacts(batch.factsOf(i))
        shown.push(shortEvent(batch.firstSeq + i, batch.kind(i), did, batch.payload(i)))
      }
    looked += batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
    // Many entries may have no event to show.
    if (shown.length === limit || looked >= LOOK_BYTES) break
  }
  return ok({ head, events: shown.toReversed() })
}

function shortEvent(seq: number, type: string, did: string, frame: Uint8Array): ShortEvent {
  const scanned = scanFrame(frame)
  if (scanned.kind !== 'frame') return { seq, type, did }
  if (scanned.type === '#commit')
    return {
      seq,
      type,
      did,
      rev: scanned.rev,
      ops: scanned.ops.map(({ action, path }) => `${action} ${path}`),
    }
  if (scanned.type === '#sync') return { seq, type, did, rev: scanned.rev }
  if (scanned.type !== '#account') return { seq, type, did }
  const { active, status } = scanned
  return { seq, type, did, active, ...(status === undefined ? {} : { status }) }
}
