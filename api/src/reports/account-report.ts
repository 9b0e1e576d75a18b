import type { Database } from '@bgs/contract/database.ts'
import { effectiveStatus, type LocalStatus } from '@bgs/contract/envelope/status.ts'
import { REASONS, type Reason } from '@bgs/protocol/reasons/reason.ts'

/** All that is known of one account. */
export interface AccountReport {
  readonly did: string
  readonly host: string
  /** As the network sees it. */
  readonly active: boolean
  readonly status: string | null
  /** What this relay says of it itself, and what its host says. */
  readonly local: LocalStatus
  readonly upstream: string
  /** When a throttle for its conduct ends. */
  readonly throttledUntilMs: number | null
  readonly rev: string | null
  /** Rev of the last commit that was not let through while it was inactive: told as a #sync when it is active again. */
  readonly heldRev: string | null
  /** Events that broke its chain. */
  readonly discontinuities: number
  readonly lastRefusal: {
    readonly reason: Reason
    readonly text: string
    readonly host: string
    readonly atMs: number
    readonly frames: number
  } | null
}

interface Row {
  readonly did: string
  readonly host: string
  readonly local: LocalStatus
  readonly upstream: string
  readonly rev: string | null
  readonly marked: number
  readonly held_rev: string | null
  readonly until_ms: number | null
}

/** The report of an account; of one that never got through only what was refused; undefined where nothing is known. */
export async function accountReport(database: Database, did: string): Promise<AccountReport | undefined> {
  const [row] = await database.query<Row>(
    `SELECT a.did, a.host, a.local, a.upstream, a.rev, a.marked,
      (SELECT rev FROM held_commits h WHERE h.did = a.did) AS held_rev,
      (SELECT until_ms FROM throttles t WHERE t.did = a.did) AS until_ms
      FROM accounts a WHERE a.did = $1`,
    [did],
  )
  const lastRefusal = await lastRefusalOf(database, did)
  if (row === undefined) {
    if (lastRefusal === null) return undefined
    return {
      did,
      host: lastRefusal.host,
      active: false,
      status: null,
      local: 'active',
      upstream: 'unknown',
      throttledUntilMs: null,
      rev: null,
      heldRev: null,
      discontinuities: 0,
      lastRefusal,
    }
  }
  return {
    did,
    host: row.host,
    ...effectiveStatus(row.local, row.upstream),
    local: row.local,
    upstream: row.upstream,
    throttledUntilMs: row.until_ms === null ? null : Number(row.until_ms),
    rev: row.rev,
    heldRev: row.held_rev,
    discontinuities: Number(row.marked),
    lastRefusal,
  }
}

async function lastRefusalOf(database: Database, did: string): Promise<AccountReport['lastRefusal']> {
  const [row] = await database.query<{ reason: Reason; host: string; at_ms: number; frames: number }>(
    'SELECT reason, host, at_ms, frames FROM account_refusals WHERE did = $1',
    [did],
  )
  if (row === undefined) return null
  const { reason, host, at_ms, frames } = row
  return { reason, text: REASONS[reason]?.text ?? '', host, atMs: Number(at_ms), frames: Number(frames) }
}
