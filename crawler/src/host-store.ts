import { type Database, FencedError } from '@bgs/contract/database.ts'
import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { HostReport } from './host-report.ts'
import type { HostSession } from './session.ts'

/** With the fence of the lease: a crawler that lost the host while it was paused changes nothing. */
const SET_CURSOR = `UPDATE hosts SET cursor = v.column3
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT))) AS v
  WHERE hosts.hostname = v.column1 AND hosts.epoch = v.column2 AND hosts.fence = v.column4`
const SET_REPORT = `UPDATE hosts SET status = CASE WHEN hosts.banned = 1 THEN 'banned' ELSE v.column3 END,
    connected = v.column4, failures = v.column5, retry_at_ms = v.column6, last_event_ms = v.column7, last_seq = v.column8,
    last_error = v.column9
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
    CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS TEXT))) AS v
  WHERE hosts.hostname = v.column1 AND hosts.fence = v.column2`
const RAISE_EPOCH =
  'UPDATE hosts SET epoch = $3, cursor = NULL, sequence_ms = $5 WHERE hostname = $1 AND epoch = $2 AND fence = $4'
const SET_SUSPENDED = `UPDATE hosts SET status = CASE WHEN hosts.paused = 1 AND hosts.banned = 0 THEN 'idle' ELSE 'banned' END,
    connected = 0, retry_at_ms = 0 WHERE hostname = $1 AND fence = $2`

/** That a host has said more is written for about so many hosts a second, so for each of them more rarely the more there are. */
const PROGRESS_A_SECOND = 600

/** What was last written of one session. */
interface Written {
  cursor: number | null
  epoch: number
  /** Low-water mark at the last look; saved at the next one. */
  seen: number | null
  report: HostReport | undefined
  /** When that was, in monotonic milliseconds. */
  reportedMs: number
}

/** Keeps cursors and reports of sessions in the database; writes only what changed. */
export class HostStore {
  readonly #database: Database
  readonly #written = new WeakMap<HostSession, Written>()

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Saves cursors that changed. They lag one call behind the low-water mark, unless `final`: a disk that loses the
   * last moments of the log then still finds the hosts offering them again (invariant 11).
   */
  async saveCursors(sessions: Iterable<HostSession>, final = false): Promise<void> {
    const rows: (string | number)[][] = []
    for (const session of sessions) {
      const written = this.#writtenOf(session)
      const { lowWater } = session.tracker
      // The first cursor is saved at once (Q10): from then on nothing of the host is missed.
      const cursor = final || written.cursor === null ? lowWater : written.seen
      written.seen = lowWater
      if (cursor === null || cursor === written.cursor) continue
      rows.push([session.hostname, session.epoch, cursor, session.fence])
      written.cursor = cursor
    }
    if (rows.length === 0) return
    crashPoint('before-cursor')
    await this.#database.transaction([{ sql: SET_CURSOR, rows }])
    crashPoint('after-cursor')
  }

  /**
   * Saves what changed of what sessions tell of their hosts: a change of state at once, that another event came more rarely
   * where there are thousands, for of busy hosts that changes all the time. `final`: all of it.
   */
  async saveReports(reporting: Iterable<HostSession>, final = false): Promise<void> {
    const sessions = [...reporting]
    const everyMs = (sessions.length / PROGRESS_A_SECOND) * 1_000
    const nowMs = monotonicMs()
    const rows: (string | number | null)[][] = []
    for (const session of sessions) {
      const { hostname, fence, report } = session
      const written = this.#writtenOf(session)
      if (written.report !== undefined && isSameState(written.report, report)) {
        const isDue = final || nowMs - written.reportedMs >= everyMs
        if (!isDue || isSameProgress(written.report, report)) continue
      }
      const { status, connected, failures, retryAtMs, lastEventMs, lastSeq, lastError } = report
      const state = [status, connected ? 1 : 0, failures, retryAtMs]
      rows.push([hostname, fence, ...state, lastEventMs, lastSeq, lastError])
      written.report = { ...report }
      written.reportedMs = nowMs
    }
    if (rows.length > 0) await this.#database.transaction([{ sql: SET_REPORT, rows }])
  }

  /** Shows hosts as what they are while they are not crawled; not where another crawler has them by now. */
  async noteSuspended(hosts: readonly Pick<HostRow, 'hostname' | 'fence'>[]): Promise<void> {
    const rows = hosts.map(({ hostname, fence }) => [hostname, Number(fence)])
    await this.#database.transaction([{ sql: SET_SUSPENDED, rows }])
  }

  /** Moves a host to its next epoch, by compare-and-set; resolves to the epoch that holds from now on. */
  async raiseEpoch(hostname: string, from: number, fence: number): Promise<number> {
    try {
      const rows = [[hostname, from, from + 1, fence, Date.now()]]
      await this.#database.transaction([{ sql: RAISE_EPOCH, rows, expect: 1 }])
      return from + 1
    } catch (error) {
      if (!(error instanceof FencedError)) throw error
      const [row] = await this.#database.query<{ epoch: number }>(
        'SELECT epoch FROM hosts WHERE hostname = $1',
        [hostname],
      )
      return Number(row?.epoch ?? from)
    }
  }

  #writtenOf(session: HostSession): Written {
    let written = this.#written.get(session)
    if (written === undefined || written.epoch !== session.epoch) {
      written = {
        cursor: null,
        epoch: session.epoch,
        seen: session.tracker.lowWater,
        report: written?.report,
        reportedMs: written?.reportedMs ?? Number.NEGATIVE_INFINITY,
      }
      this.#written.set(session, written)
    }
    return written
  }
}

/** Field by field: of thousands of hosts most are idle, and all are looked at twice a second. */
function isSameState(a: HostReport, b: HostReport): boolean {
  return (
    a.status === b.status &&
    a.connected === b.connected &&
    a.failures === b.failures &&
    a.retryAtMs === b.retryAtMs &&
    a.lastError === b.lastError
  )
}

function isSameProgress(a: HostReport, b: HostReport): boolean {
  return a.lastEventMs === b.lastEventMs && a.lastSeq === b.lastSeq
}
