import type { Database } from '../db/database.ts'

/** States of a host (protocol.md section 6, LX). */
export type HostStatus = 'active' | 'idle' | 'offline' | 'throttled' | 'banned'

export interface HostRow {
  readonly hostname: string
  readonly created_ms: number
  readonly epoch: number
  /** Highest seq all of whose predecessors are done (Q9); null before the first. */
  readonly cursor: number | null
  readonly last_seq: number | null
  readonly status: HostStatus
  readonly connected: number
  readonly trusted: number
  readonly lenient: number
  readonly banned: number
  readonly account_count: number
  readonly account_limit: number
  readonly failures: number
  readonly retry_at_ms: number
  readonly last_event_ms: number
  readonly last_error: string | null
  readonly asked_ms: number
  /** In a cluster: the crawler that has leased it, and the number of changes of that. */
  readonly owner: string | null
  readonly fence: number
}

/** Limit of accounts on a trusted host (protocol.md H8). */
export const TRUSTED_ACCOUNT_LIMIT = 10_000_000

/** Adds a host, or notes that it was asked for again. Trust given once is not taken away by a later call. */
export async function askForHost(
  database: Database,
  host: { hostname: string; trusted: boolean; accountLimit: number; nowMs: number },
): Promise<void> {
  const { hostname, trusted, accountLimit, nowMs } = host
  const flag = trusted ? 1 : 0
  const limit = trusted ? TRUSTED_ACCOUNT_LIMIT : accountLimit
  await database.transaction([
    {
      sql: `INSERT INTO hosts (hostname, created_ms, epoch, cursor, last_seq, status, connected, trusted, lenient, banned,
          account_count, account_limit, failures, retry_at_ms, last_event_ms, last_error, asked_ms)
        VALUES ($1, $2, 1, NULL, NULL, 'active', 0, $3, 0, 0, 0, $4, 0, 0, 0, NULL, $2)
        ON CONFLICT (hostname) DO UPDATE SET asked_ms = excluded.asked_ms,
          trusted = CASE WHEN hosts.trusted > excluded.trusted THEN hosts.trusted ELSE excluded.trusted END,
          account_limit = CASE WHEN hosts.account_limit > excluded.account_limit
            THEN hosts.account_limit ELSE excluded.account_limit END`,
      rows: [[hostname, nowMs, flag, limit]],
    },
  ])
}

export async function findHost(database: Database, hostname: string): Promise<HostRow | undefined> {
  const [row] = await database.query<HostRow>('SELECT * FROM hosts WHERE hostname = $1', [hostname])
  return row
}

/** Hosts that were asked for after a time and are not banned, oldest first. */
export function hostsAskedSince(database: Database, askedMs: number): Promise<HostRow[]> {
  return database.query<HostRow>(
    'SELECT * FROM hosts WHERE asked_ms > $1 AND banned = 0 ORDER BY created_ms, hostname',
    [askedMs],
  )
}
