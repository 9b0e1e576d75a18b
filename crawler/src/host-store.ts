import { type Database, FencedError } from '@bgs/shared/db/database.ts'
import { crashPoint } from '@bgs/shared/service/crash-point.ts'
import type { HostSession } from './session.ts'

const SET_CURSOR = 'UPDATE hosts SET cursor = $3 WHERE hostname = $1 AND epoch = $2'
const SET_REPORT = `UPDATE hosts SET status = CASE WHEN banned = 1 THEN 'banned' ELSE $2 END, connected = $3, failures = $4,
  retry_at_ms = $5, last_event_ms = $6, last_seq = $7, last_error = $8 WHERE hostname = $1`
const RAISE_EPOCH = 'UPDATE hosts SET epoch = $3, cursor = NULL WHERE hostname = $1 AND epoch = $2'

/** What was last written of one session. */
interface Written {
  cursor: number | null
  epoch: number
  /** Low-water mark at the last look; saved at the next one. */
  seen: number | null
  report: string
}

/** Keeps cursors and reports of sessions in the database; writes only what changed. */
export class HostStore {
  readonly #database: Database
  readonly #written = new Map<HostSession, Written>()

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
      rows.push([session.hostname, session.epoch, cursor])
      written.cursor = cursor
    }
    if (rows.length === 0) return
    crashPoint('before-cursor')
    await this.#database.transaction([{ sql: SET_CURSOR, rows }])
    crashPoint('after-cursor')
  }

  /** Saves what changed of what sessions tell of their hosts. */
  async saveReports(sessions: Iterable<HostSession>): Promise<void> {
    const rows: (string | number | null)[][] = []
    for (const session of sessions) {
      const { hostname, report } = session
      const { status, connected, failures, retryAtMs, lastEventMs, lastSeq, lastError } = report
      const row = [status, connected ? 1 : 0, failures, retryAtMs, lastEventMs, lastSeq, lastError]
      const written = this.#writtenOf(session)
      const text = JSON.stringify(row)
      if (text !== written.report) rows.push([hostname, ...row])
      written.report = text
    }
    if (rows.length > 0) await this.#database.transaction([{ sql: SET_REPORT, rows }])
  }

  /** Moves a host to its next epoch, by compare-and-set; resolves to the epoch that holds from now on. */
  async raiseEpoch(hostname: string, from: number): Promise<number> {
    try {
      await this.#database.transaction([{ sql: RAISE_EPOCH, rows: [[hostname, from, from + 1]], expect: 1 }])
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
        report: written?.report ?? '',
      }
      this.#written.set(session, written)
    }
    return written
  }
}
