import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqlStep, SqlValue } from '@bgs/contract/database.ts'
import { keepCompiled } from '@bgs/runtime/service/compile-cache.ts'
import { MIGRATIONS } from './migrations.ts'

/**
 * Runs in a worker thread: SQLite is synchronous, and no fsync of its may hold up a socket. One message in, one
 * message out, in order.
 */
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

const database = new DatabaseSync((workerData as { path: string }).path)
const prepared = new Map<string, StatementSync>()

function statement(sql: string): StatementSync {
  let found = prepared.get(sql)
  if (found === undefined) {
    // PostgreSQL's $1 is SQLite's ?1.
    found = database.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
    prepared.set(sql, found)
  }
  return found
}

function migrate(): void {
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000')
  const at = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
  if (at > MIGRATIONS.length)
    throw new RangeError(`the database has schema ${at}, this version knows up to ${MIGRATIONS.length}`)
  for (let i = at; i < MIGRATIONS.length; i++) {
    database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[i]}; PRAGMA user_version=${i + 1}; COMMIT`)
  }
}

function transaction(steps: readonly SqlStep[]): number[] | undefined {
  database.exec('BEGIN IMMEDIATE')
  try {
    const changed: number[] = []
    for (const step of steps) {
      const run = statement(step.sql)
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

function answer(request: SqliteRequest): SqliteReply {
  const { id } = request
  try {
    if (request.kind === 'close') {
      prepared.clear()
      database.close()
      return { id }
    }
    // Rows have a null prototype, which a structured clone does not mind.
    if (request.kind === 'query') return { id, value: statement(request.sql).all(...request.params) }
    const value = transaction(request.steps)
    return value === undefined
      ? { id, error: { code: 'fenced', message: 'someone else wrote first' } }
      : { id, value }
  } catch (error) {
    const code = (error as { errcode?: number }).errcode === SQLITE_FULL ? 'full' : 'sql'
    return { id, error: { code, message: (error as Error).message } }
  }
}

if (parentPort === null) throw new Error('sqlite-worker runs in a worker thread')
const port = parentPort
try {
  migrate()
  port.postMessage({ id: 0 } satisfies SqliteReply)
  port.on('message', (request: SqliteRequest) => {
    port.postMessage(answer(request))
    if (request.kind === 'close') port.close()
  })
} catch (error) {
  const code = error instanceof RangeError ? 'schema' : 'sql'
  port.postMessage({ id: 0, error: { code, message: (error as Error).message } } satisfies SqliteReply)
  port.close()
}
keepCompiled()
