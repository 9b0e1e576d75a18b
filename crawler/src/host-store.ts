import { type Database, FencedError, type SqlStep } from '@bgs/shared/db/database.ts'
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
   * Saves what changed. Cursors lag one call behind the low-water mark, unless `final`: a disk that loses the last
   * moments of the log then still finds the hosts offering them again (invariant 11).
   */
  async save(sessions: Iterable<HostSession>, final = false): Promise<void> {
    const cursors: (string | number)[][] = []
    const reports: (string | number | null)[][] = []
    for (const session of sessions) {
      const { hostname, epoch, report } = session
      const written = this.#writtenOf(session)
      const { lowWater } = session.tracker
      // The first cursor is saved at once (Q10): from then on nothing of the host is missed.
      const cursor = final || written.cursor === null ? lowWater : written.seen
      written.seen = lowWater
      if (cursor !== null && cursor !== written.cursor) {
        cursors.push([hostname, epoch, cursor])
        written.cursor = cursor
      }
      const row = [
        report.status,
        report.connected && !final ? 1 : 0,
        report.failures,
        report.retryAtMs,
        report.lastEventMs,
        report.lastSeq,
        report.lastError,
      ]
      const text = JSON.stringify(row)
      if (text !== written.report) reports.push([hostname, ...row])
      written.report = text
    }
    const steps: SqlStep[] = []
    if (cursors.length > 0) steps.push({ sql: SET_CURSOR, rows: cursors })
    if (reports.length > 0) steps.push({ sql: SET_REPORT, rows: reports })
    if (steps.length === 0) return
    crashPoint('before-cursor')
    await this.#database.transaction(steps)
    crashPoint('after-cursor')
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
