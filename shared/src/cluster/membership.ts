import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Database } from '../db/database.ts'
import { wait } from '../service/wait.ts'

/** The database's clock: that of no process counts for who lives. */
export const DATABASE_NOW_MS = 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)'

/** `started_ms` is since when it lives without a break. */
const RENEW = `INSERT INTO members (id, role, started_ms, expires_ms)
  VALUES ($1, $2, ${DATABASE_NOW_MS}, ${DATABASE_NOW_MS} + CAST($3 AS BIGINT))
  ON CONFLICT (id) DO UPDATE SET expires_ms = excluded.expires_ms, started_ms =
    CASE WHEN members.expires_ms < ${DATABASE_NOW_MS} THEN excluded.started_ms ELSE members.started_ms END`
const LIVE = `SELECT id FROM members WHERE role = $1 AND expires_ms >= ${DATABASE_NOW_MS} ORDER BY id`
/** Long after anybody could wonder about them. */
const FORGET = `DELETE FROM members WHERE expires_ms < ${DATABASE_NOW_MS} - 600000`
const LEAVE = 'DELETE FROM members WHERE id = $1'

/**
 * The condition, with parameters for a member's id and its lease, that it has been alive for a lease without a break,
 * so that it may take what belongs to the dead: after an outage of the database everybody has expired, and who is
 * first back must not take what belongs to the rest. The database judges that at the moment it acts: what was asked
 * before an outage may be done after it.
 */
export const mayJudge = (id: string, leaseMs: string) => `EXISTS (SELECT 1 FROM members me WHERE me.id = ${id}
  AND me.expires_ms >= ${DATABASE_NOW_MS} AND me.started_ms <= ${DATABASE_NOW_MS} - CAST(${leaseMs} AS BIGINT))`

/**
 * This process among those of its role: it is one of them for as long as it renews its row. What it has leased names
 * it as the owner, and may be taken by others once the row has expired; each such change raises a fence, so that a
 * process that was paused and wakes can change nothing (invariant 1).
 */
export class Membership {
  readonly id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  /** Live processes of this role, this one included, as of the last renewal. */
  others: readonly string[] = []
  readonly leaseMs: number
  readonly #database: Database
  readonly #role: string
  #renewedMs = Number.NEGATIVE_INFINITY
  #live: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(database: Database, role: string, leaseMs: number) {
    this.#database = database
    this.#role = role
    this.leaseMs = leaseMs
  }

  /** Live processes of this role, at least this one. */
  get count(): number {
    return Math.max(1, this.others.length)
  }

  /** Whether others still have to take this process for alive. */
  get isLive(): boolean {
    return performance.now() - this.#renewedMs < this.leaseMs
  }

  /** A promise while this process is not alive for others: what it does may be somebody else's to do. */
  readonly gate = (): Promise<void> | undefined => {
    if (this.isLive) return undefined
    this.#live ??= Promise.withResolvers<void>()
    return this.#live.promise
  }

  /** Joins, and renews until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.renew()
      await wait(this.leaseMs / 4, signal)
    }
  }

  async renew(): Promise<void> {
    // As of the moment before it was asked: the database may have waited.
    const askedMs = performance.now()
    await this.#database.transaction([
      { sql: RENEW, rows: [[this.id, this.#role, this.leaseMs]] },
      { sql: FORGET, rows: [[]] },
    ])
    const rows = await this.#database.query<{ id: string }>(LIVE, [this.#role])
    this.#renewedMs = askedMs
    this.others = rows.map(({ id }) => id)
    if (!this.isLive) return
    this.#live?.resolve()
    this.#live = undefined
  }

  /** Leaves at once: what it had is free. */
  async leave(): Promise<void> {
    this.#renewedMs = Number.NEGATIVE_INFINITY
    await this.#database.transaction([{ sql: LEAVE, rows: [[this.id]] }])
  }
}

/** How many of so many things one of so many members takes. */
export function fairShare(things: number, members: number): number {
  return Math.ceil(things / Math.max(1, members))
}
