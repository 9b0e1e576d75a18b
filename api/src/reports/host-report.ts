import type { Database } from '@bgs/contract/database.ts'
import { type HostRow, SHOWN_STATE } from '@bgs/database/hosts/host-rows.ts'
import { quotaLimits } from '@bgs/database/hosts/quota-limits.ts'
import { REASONS, type Reason } from '@bgs/protocol/reasons/reason.ts'

/** Orders of lists of hosts: by what is received and not safe yet, how long nothing came, what was refused, size. */
export const HOST_ORDERS = ['name', 'lag', 'silence', 'refusals', 'accounts'] as const
export type HostOrder = (typeof HOST_ORDERS)[number]

const ORDER_SQL: Readonly<Record<HostOrder, string>> = {
  name: 'hostname',
  lag: 'COALESCE(last_seq, 0) - COALESCE(cursor, 0) DESC, hostname',
  silence: 'last_event_ms, hostname',
  refusals: 'refused DESC, hostname',
  accounts: 'account_count DESC, hostname',
}

/** What a list shows of a host. */
export interface HostSummary {
  readonly hostname: string
  readonly status: string
  readonly connected: boolean
  readonly accounts: number
  readonly accountLimit: number
  readonly throttledAccounts: number
  readonly cursor: number | null
  readonly lastSeq: number | null
  readonly lastEventMs: number
  readonly lastError: string | null
  readonly retryAtMs: number
  readonly trusted: boolean
  readonly refusedFrames: number
}

interface SummaryRow extends HostRow {
  readonly shown: string
  readonly refused: number
}

const SUMMARY = `SELECT hosts.*, ${SHOWN_STATE} AS shown,
  (SELECT COALESCE(SUM(frames), 0) FROM refusals r WHERE r.host = hosts.hostname) AS refused FROM hosts`

function summaryOf(row: SummaryRow): HostSummary {
  return {
    hostname: row.hostname,
    status: row.shown,
    connected: Number(row.connected) === 1,
    accounts: Number(row.account_count),
    accountLimit: Number(row.account_limit),
    throttledAccounts: Number(row.throttled_count),
    cursor: nullable(row.cursor),
    lastSeq: nullable(row.last_seq),
    lastEventMs: Number(row.last_event_ms),
    lastError: row.last_error,
    retryAtMs: Number(row.retry_at_ms),
    trusted: Number(row.trusted) === 1,
    refusedFrames: Number(row.refused),
  }
}

export interface HostQuery {
  readonly order: HostOrder
  readonly status: string | null
  readonly search: string | null
  readonly limit: number
  readonly offset: number
}

/** A page of hosts. */
export async function hostSummaries(database: Database, query: HostQuery): Promise<HostSummary[]> {
  const { order, status, search, limit, offset } = query
  // A name holds neither of the two signs that LIKE knows.
  const wanted = (search ?? '').toLowerCase().replaceAll(/[%_]/g, '')
  const rows = await database.query<SummaryRow>(
    `SELECT * FROM (${SUMMARY}) AS h WHERE ($1 = '' OR hostname LIKE '%' || $1 || '%')
      AND ($2 = '' OR $2 = shown)
      ORDER BY ${ORDER_SQL[order]} LIMIT $3 OFFSET $4`,
    [wanted, status ?? '', limit, offset],
  )
  return rows.map(summaryOf)
}

/** How many hosts there are in each state. */
export async function hostsByState(database: Database): Promise<Record<string, number>> {
  const rows = await database.query<{ state: string; hosts: number }>(
    `SELECT ${SHOWN_STATE} AS state, count(*) AS hosts FROM hosts GROUP BY 1 ORDER BY 1`,
  )
  return Object.fromEntries(rows.map(({ state, hosts }) => [state, Number(hosts)]))
}

/** Frames of a host that were refused for one reason, with the last few examples. */
export interface HostRefusal {
  readonly reason: Reason
  /** The reason in plain words. */
  readonly text: string
  readonly frames: number
  readonly lastMs: number
  readonly examples: readonly { atMs: number; did: string; seq: number; detail: string }[]
}

/** All that is known of one host. */
export interface HostReport extends HostSummary {
  readonly firstMetMs: number
  readonly source: string
  readonly upstreamRelay: boolean
  readonly lenient: boolean
  readonly failures: number
  /** How often its sequence began anew, and when it last did; 0: never. */
  readonly epoch: number
  readonly sequenceBeganMs: number
  /** At which pace it is read at most; null: without a limit. */
  readonly limits: {
    readonly eventsPerSecond: number | null
    readonly eventsPerHour: number | null
    readonly eventsPerDay: number | null
    /** Of them such as are no commits. */
    readonly otherEventsPerHour: number | null
    readonly uselessFramesPerSecond: number | null
    readonly slowJudgingMsPerMinute: number | null
  }
  readonly refusals: readonly HostRefusal[]
}

/** The report of a host; undefined where it is not known. */
export async function hostReport(
  database: Database,
  hostname: string,
  allowPrivate: boolean,
): Promise<HostReport | undefined> {
  const [row] = await database.query<SummaryRow>(`${SUMMARY} WHERE hostname = $1`, [hostname])
  if (row === undefined) return undefined
  return {
    ...summaryOf(row),
    firstMetMs: Number(row.created_ms),
    source: row.source,
    upstreamRelay: Number(row.upstream) === 1,
    lenient: Number(row.lenient) === 1,
    failures: Number(row.failures),
    epoch: Number(row.epoch),
    sequenceBeganMs: Number(row.sequence_ms),
    limits: limitsOf(row, allowPrivate),
    refusals: await refusalsOf(database, hostname),
  }
}

function limitsOf(row: HostRow, allowPrivate: boolean): HostReport['limits'] {
  const limits = quotaLimits(row, allowPrivate)
  const shown = (limit: number) => (limit === Number.POSITIVE_INFINITY ? null : Math.floor(limit))
  return {
    eventsPerSecond: shown(limits.perSecond),
    eventsPerHour: shown(limits.perHour),
    eventsPerDay: shown(limits.perDay),
    otherEventsPerHour: shown(limits.otherPerHour),
    uselessFramesPerSecond: shown(limits.uselessPerSecond),
    slowJudgingMsPerMinute: shown(limits.slowMsPerMinute),
  }
}

async function refusalsOf(database: Database, hostname: string): Promise<HostRefusal[]> {
  const counts = await database.query<{ reason: Reason; frames: number; last_ms: number }>(
    'SELECT reason, frames, last_ms FROM refusals WHERE host = $1 ORDER BY frames DESC, reason',
    [hostname],
  )
  const samples = await database.query<{
    reason: string
    at_ms: number
    did: string
    seq: number
    detail: string
  }>('SELECT reason, at_ms, did, seq, detail FROM refused_frames WHERE host = $1 ORDER BY at_ms DESC', [
    hostname,
  ])
  return counts.map(({ reason, frames, last_ms }) => ({
    reason,
    text: REASONS[reason]?.text ?? '',
    frames: Number(frames),
    lastMs: Number(last_ms),
    examples: samples
      .filter((sample) => sample.reason === reason)
      .map(({ at_ms, did, seq, detail }) => ({ atMs: Number(at_ms), did, seq: Number(seq), detail })),
  }))
}

function nullable(value: number | null): number | null {
  return value === null ? null : Number(value)
}
