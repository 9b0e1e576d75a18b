/**
 * Who is alive in a cluster. Each process renews its row in `members` four times a lease, on the database's clock. Hosts
 * and partitions name a member as their owner (partition-leases.ts; hosts: leased-hosts.ts in relay).
 *
 * A member dies: 1. its row expires; 2. another, alive for a whole lease, claims what it owned, which raises the fence;
 * 3. the dead one was only paused, and wakes: it does nothing more that needs the lease (`gate`); 4. what it had on its
 * way carries the old fence, and changes nothing.
 *
 * The database was away: 1. all rows have expired; 2. the first member that is back begins to live anew, and may not
 * take anything for a lease; 3. by then the others have renewed, and nothing has moved.
 *
 * A member lives and gets no work through (standing.ts): 1. it says since when; 2. another gets work through after that,
 * which is its proof; 3. the first gives all up by itself; 4. half a lease after 1 the other may take it in any case.
 */

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Database } from '@bgs/contract/database.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { ALWAYS_WORKS, type MemberSeen, type Standing, sharers } from './standing.ts'

/** The database's clock: that of no process counts for who lives. */
export const DATABASE_NOW_MS = 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)'

/** `started_ms` is since when it lives without a break, `working_ms` since when it does and does not stand still. */
const RENEW = `INSERT INTO members (id, role, started_ms, expires_ms, standstill_ms, working_ms, worked_ms)
  VALUES ($1, $2, ${DATABASE_NOW_MS}, ${DATABASE_NOW_MS} + CAST($3 AS BIGINT),
    CASE WHEN CAST($4 AS BIGINT) = 1 THEN ${DATABASE_NOW_MS} ELSE 0 END, ${DATABASE_NOW_MS},
    ${DATABASE_NOW_MS} - CAST($5 AS BIGINT))
  ON CONFLICT (id) DO UPDATE SET expires_ms = excluded.expires_ms, worked_ms = excluded.worked_ms,
    started_ms = CASE WHEN members.expires_ms < ${DATABASE_NOW_MS} THEN excluded.started_ms ELSE members.started_ms END,
    working_ms = CASE WHEN members.expires_ms < ${DATABASE_NOW_MS} OR members.standstill_ms > 0
      THEN excluded.working_ms ELSE members.working_ms END,
    standstill_ms = CASE WHEN excluded.standstill_ms > 0 AND members.standstill_ms > 0
      THEN members.standstill_ms ELSE excluded.standstill_ms END`
const LIVE = `SELECT id, standstill_ms, working_ms, worked_ms, ${DATABASE_NOW_MS} AS now_ms FROM members
  WHERE role = $1 AND expires_ms >= ${DATABASE_NOW_MS} ORDER BY id`
interface LiveRow {
  readonly id: string
  readonly standstill_ms: number
  readonly working_ms: number
  readonly worked_ms: number
  readonly now_ms: number
}

/** Long after anybody could wonder about them; asked for with each of so many renewals. */
const FORGET_EVERY = 100
const FORGET = `DELETE FROM members WHERE expires_ms < ${DATABASE_NOW_MS} - 600000`
const LEAVE = 'DELETE FROM members WHERE id = $1'

/**
 * The condition, with parameters for a member's id and its lease, that it may take what belongs to the member `m`, which
 * is joined by the owner: `m` is dead, and it has been alive for a lease without a break; after an outage of the
 * database everybody has expired, and who is first back must not take what belongs to the rest. Or `m` stands still, and
 * it got work through since (`mayTakeOver`), and `m` had half a lease to give it up by itself. The database judges that at the moment it acts: what was asked before an
 * outage may be done after it.
 */
export const mayTakeFrom = (
  id: string,
  leaseMs: string,
) => `EXISTS (SELECT 1 FROM members me WHERE me.id = ${id}
  AND me.expires_ms >= ${DATABASE_NOW_MS} AND (
    ((m.id IS NULL OR m.expires_ms < ${DATABASE_NOW_MS})
      AND me.started_ms <= ${DATABASE_NOW_MS} - CAST(${leaseMs} AS BIGINT))
    OR (m.standstill_ms > 0 AND me.standstill_ms = 0 AND me.worked_ms >= m.standstill_ms
      AND m.standstill_ms <= ${DATABASE_NOW_MS} - CAST(${leaseMs} AS BIGINT) / 2
      AND me.working_ms <= ${DATABASE_NOW_MS} - CAST(${leaseMs} AS BIGINT))))`

/**
 * This process among those of its role: it is one of them for as long as it renews its row. What it has leased names
 * it as the owner, and may be taken by others once the row has expired; each such change raises a fence, so that a
 * process that was paused and wakes can change nothing (invariant 1).
 *
 * A lease is kept by work that gets through: a member renews what `standing` says along with its row, and one that stands
 * still loses its share to members that do not.
 */
export class Membership {
  readonly id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  /** Live processes of this role, this one included, as of the last renewal. */
  others: readonly string[] = []
  readonly leaseMs: number
  readonly #database: Database
  readonly #role: string
  readonly #standing: Standing
  #sharers: ReadonlySet<string> = new Set()
  #members: readonly MemberSeen[] = []
  #renewals = 0
  #renewedMs = Number.NEGATIVE_INFINITY
  #live: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(database: Database, role: string, leaseMs: number, standing: Standing = ALWAYS_WORKS) {
    this.#database = database
    this.#role = role
    this.leaseMs = leaseMs
    this.#standing = standing
  }

  /** Live processes of this role, at least this one. */
  get count(): number {
    return Math.max(1, this.others.length)
  }

  /** Whether this process stands still and another may take what it has: it takes nothing, and gives up all it has. */
  get yields(): boolean {
    // An answer that came late does not name this process: that it lives is not known to others, and says nothing of this.
    return this.#members.some(({ id }) => id === this.id) && !this.#sharers.has(this.id)
  }

  /** Whether another stands still that this process could take over from, had it got work through since. */
  get isProofWanted(): boolean {
    const workedMs = this.#members.find(({ id }) => id === this.id)?.workedMs ?? 0
    return this.#members.some(({ id, standstillMs }) => id !== this.id && standstillMs > workedMs)
  }

  /** How many of so many things are this process's share. */
  shareOf(things: number): number {
    return this.yields ? 0 : fairShare(things, this.#sharers.size)
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
    const { isStill, workedAgoMs } = this.#standing
    const row = [this.id, this.#role, this.leaseMs, isStill ? 1 : 0, Math.ceil(workedAgoMs)]
    // No transaction, which asks the server four times: done twice, both do what they do once.
    await this.#database.query(RENEW, row)
    if (this.#renewals++ % FORGET_EVERY === 0) await this.#database.query(FORGET)
    const rows = await this.#database.query<LiveRow>(LIVE, [this.#role])
    this.#renewedMs = askedMs
    this.others = rows.map(({ id }) => id)
    this.#members = rows.map((one) => ({
      id: one.id,
      standstillMs: Number(one.standstill_ms),
      workingMs: Number(one.working_ms),
      workedMs: Number(one.worked_ms),
    }))
    this.#sharers = sharers(this.#members, Number(rows[0]?.now_ms ?? 0), this.leaseMs)
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
