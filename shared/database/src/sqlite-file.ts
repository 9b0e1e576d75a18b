import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqlStep, SqlValue } from '@bgs/contract/database.ts'
import { MIGRATIONS } from './migrations.ts'

export type SqliteRequest =
  | { id: number; kind: 'query'; sql: string; params: readonly SqlValue[] }
  | { id: number; kind: 'transaction'; steps: readonly SqlStep[] }
  | { id: number; kind: 'close' }

export type SqliteReply = {
  id: number
  value?: unknown
  error?: { code: 'fenced' | 'full' | 'schema' | 'sql'; message: string }
}

const SQLITE_FULL = 13

/** A SQLite file (WAL, synchronous=full), one request after another: whoever asks waits. */
export class SqliteFile {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  /** Opens or creates it and brings its schema up to date. Throws RangeError if it is of a newer version. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#migrate()
  }

  answer(request: SqliteRequest): SqliteReply {
    const { id } = request
    try {
      if (request.kind === 'close') {
        this.#prepared.clear()
        this.#database.close()
        return { id }
      }
      // Rows have a null prototype, which a structured clone does not mind.
      if (request.kind === 'query') return { id, value: this.#statement(request.sql).all(...request.params) }
      const value = this.#transaction(request.steps)
      return value === undefined
        ? { id, error: { code: 'fenced', message: 'someone else wrote first' } }
        : { id, value }
    } catch (error) {
      const code = (error as { errcode?: number }).errcode === SQLITE_FULL ? 'full' : 'sql'
      return { id, error: { code, message: (error as Error).message } }
    }
  }

  #statement(sql: string): StatementSync {
    let found = this.#prepared.get(sql)
    if (found === undefined) {
      // PostgreSQL's $1 is SQLite's ?1.
      found = this.#database.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
      this.#prepared.set(sql, found)
    }
    return found
  }

  #migrate(): void {
    const database = this.#database
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000')
    const at = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
    if (at > MIGRATIONS.length)
      throw new RangeError(`the database has schema ${at}, this version knows up to ${MIGRATIONS.length}`)
    for (let i = at; i < MIGRATIONS.length; i++) {
      database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[i]}; PRAGMA user_version=${i + 1}; COMMIT`)
    }
  }

  #transaction(steps: readonly SqlStep[]): number[] | undefined {
    const database = this.#database
    database.exec('BEGIN IMMEDIATE')
    try {
      const changed: number[] = []
      for (const step of steps) {
        const run = this.#statement(step.sql)
        let count = 0
        for (const row of step.rows) count += Number(run.run(...row).changes)
        if (step.expect !== undefined && step.expect !== count) {
          database.exec('ROLLBACK')
          return undefined
        }
        changed.push(count)
      }
      database.exec('COMMIT')
      return changed
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
}
