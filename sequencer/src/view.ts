import type { Database, SqlStep } from '@bgs/contract/database.ts'
import type { LogSeen } from '@bgs/contract/log/log-seen.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { accountParams, UPSERT_ACCOUNT } from './state/account-rows.ts'
import { domainSteps } from './state/banned-domains.ts'
import { pendingCommitSteps } from './state/pending-commit-rows.ts'
import type { State } from './state/state.ts'
import { throttleSteps } from './state/throttle-rows.ts'

/** Rows written in one transaction at most before the sequencer waits for it (invariant 6). */
export const MAX_DIRTY = 5_000
/** Longest that a change waits before it is written. */
const FLUSH_EVERY_MS = 500
/** A batch under way for so long holds the sequencer up: beyond it the view would lag behind the log too far. */
export const MAX_LAG_MS = 10_000

const MOVE_VIEW = `UPDATE view SET generation = $1, position = $2
  WHERE id = 1 AND position = $3 AND generation <= $1`
const ADOPT_LOG = 'UPDATE view SET generation = $1, log_id = $2, base = $3 WHERE id = 1 AND generation <= $1'
/** A host that only the log remembers, because the database was lost or is older, is taken up again. */
const SET_HOST = `INSERT INTO hosts (hostname, created_ms, epoch, cursor, last_seq, status, connected, trusted, lenient,
    banned, account_count, account_limit, throttled_count, failures, retry_at_ms, last_event_ms, last_error, asked_ms)
  VALUES ($1, $2, $3, NULL, NULL, 'active', 0, 0, 0, $4, $5, $6, $7, 0, 0, 0, NULL, 1)
  ON CONFLICT (hostname) DO UPDATE SET account_count = excluded.account_count, banned = excluded.banned,
    throttled_count = excluded.throttled_count,
    changed_ms = CASE WHEN hosts.banned = excluded.banned THEN hosts.changed_ms
      WHEN hosts.changed_ms >= excluded.created_ms THEN hosts.changed_ms + 1 ELSE excluded.created_ms END,
    epoch = CASE WHEN hosts.epoch < excluded.epoch THEN excluded.epoch ELSE hosts.epoch END`

const SET_LIMIT = `UPDATE hosts SET account_limit = $2,
  changed_ms = CASE WHEN changed_ms >= $3 THEN changed_ms + 1 ELSE $3 END WHERE hostname = $1`

/** Where the view stands: the state as of this seq. */
export async function viewPosition(database: Database): Promise<number> {
  return (await seenOfLog(database)).position
}

/** What the database knows of the log; its position is the seq as of which it holds the state. */
export async function seenOfLog(database: Database): Promise<LogSeen> {
  const [row] = await database.query<{ log_id: string; position: number; generation: number; base: number }>(
    'SELECT log_id, position, generation, base FROM view WHERE id = 1',
  )
  if (row === undefined) throw new Error('the database has lost its view position')
  const { log_id: logId, position, generation, base } = row
  return { logId, position: Number(position), generation: Number(generation), base: Number(base) }
}

/** Notes which log the view is of, before anything is written into it. Throws FencedError for an older generation. */
export async function adoptLog(
  database: Database,
  generation: number,
  logId: string,
  base: number,
): Promise<void> {
  await database.transaction([{ sql: ADOPT_LOG, rows: [[generation, logId, base]], expect: 1 }])
}

/**
 * Keeps the database a view of the log as of a position (invariants 5, 6): batches behind the log, one under way,
 * each checking and setting (generation, position) in the transaction that writes the rows.
 */
export class View {
  readonly #database: Database
  readonly #state: State
  readonly #generation: number
  #position: number
  #writing: Promise<void> | undefined
  #writingSinceMs = 0
  #lastFlushMs = Number.NEGATIVE_INFINITY
  readonly #clock: () => number
  #failed: unknown

  /** `clock` is monotonic. */
  constructor(
    database: Database,
    state: State,
    generation: number,
    position: number,
    clock: () => number = monotonicMs,
  ) {
    this.#clock = clock
    this.#database = database
    this.#state = state
    this.#generation = generation
    this.#position = position
  }

  /** Position whose state is durable in the database. */
  get position(): number {
    return this.#position
  }

  /** For how long the batch under way has been, in milliseconds; 0: none is. */
  get writingMs(): number {
    return this.#writing === undefined ? 0 : this.#clock() - this.#writingSinceMs
  }

  /** Whether a batch should be written now; `position` is that of the last appended entry. */
  due(position: number): boolean {
    if (this.#failed !== undefined) throw this.#failed
    if (position <= this.#position || this.#writing !== undefined) return false
    return this.#clock() - this.#lastFlushMs >= FLUSH_EVERY_MS || this.#state.dirtyAccounts >= MAX_DIRTY
  }

  /** Whether the log has run so far ahead, in accounts or in time, that it must wait (invariant 6). */
  get mustWait(): boolean {
    if (this.#writing === undefined) return false
    return this.#state.dirtyAccounts >= MAX_DIRTY || this.writingMs >= MAX_LAG_MS
  }

  /** Resolves when no batch is under way. Throws FencedError if another process has written the view. */
  async settled(): Promise<void> {
    await this.#writing
    if (this.#failed !== undefined) throw this.#failed
  }

  /**
   * Starts writing the state as of `position`, which must be that of the last appended entry, with nothing applied
   * beyond it; `nowMs` is the time of day that rows are marked with. Resolves when the batch is committed.
   */
  flush(position: number, nowMs: number): Promise<void> {
    this.#lastFlushMs = this.#clock()
    this.#writingSinceMs = this.#lastFlushMs
    const { accounts, hosts, domains } = this.#state.takeDirty()
    const limited = hosts.filter(({ limitChanged }) => limitChanged)
    for (const host of limited) host.limitChanged = false
    const steps: SqlStep[] = [
      { sql: MOVE_VIEW, rows: [[this.#generation, position, this.#position]], expect: 1 },
      { sql: UPSERT_ACCOUNT, rows: accounts.map(accountParams) },
      {
        sql: SET_HOST,
        rows: hosts.map((host) => [
          host.hostname,
          nowMs,
          host.epoch,
          host.banned ? 1 : 0,
          host.accountCount,
          host.accountLimit,
          host.throttledCount,
        ]),
      },
      {
        sql: SET_LIMIT,
        rows: limited.map(({ hostname, accountLimit }) => [hostname, accountLimit, nowMs]),
      },
      ...pendingCommitSteps(accounts),
      ...throttleSteps(accounts),
      ...domainSteps(domains, nowMs),
    ].filter(({ rows }) => rows.length > 0)
    this.#state.setWriting(accounts, true)
    crashPoint('before-view')
    const write = () => this.#database.transaction(steps)
    const writing = inSpan('write view', { accounts: accounts.length }, write).then(
      () => {
        crashPoint('after-view')
        this.#position = position
        this.#writing = undefined
        this.#state.setWriting(accounts, false)
      },
      (error: unknown) => {
        this.#failed = error
        this.#writing = undefined
      },
    )
    this.#writing = writing
    return this.settled()
  }
}
