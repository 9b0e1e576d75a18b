import { Worker } from 'node:worker_threads'
import {
  type Database,
  DatabaseFullError,
  FencedError,
  SchemaError,
  type SqlStep,
  type SqlValue,
} from '@bgs/contract/database.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { SqliteReply, SqliteRequest } from './sqlite-file.ts'

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void }
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

const ERRORS = { fenced: FencedError, full: DatabaseFullError, schema: SchemaError, sql: Error } as const

/** What a reply says, or throws what it says went wrong. */
export function answerOf({ value, error }: SqliteReply): unknown {
  if (error === undefined) return value
  throw new ERRORS[error.code](error.message)
}

/** Wait before a transaction is tried again on a full disk. */
const FULL_RETRY_MS = 1_000

/**
 * SQLite in a worker thread (WAL, synchronous=full). Requests are answered in the order they were made; only a
 * transaction for which the disk has no room is tried again until it has (invariant 12: full means waiting).
 */
export class SqliteDatabase implements Database {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #failed: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: SqliteReply) => this.#settle(reply))
    worker.on('error', (error) => this.#fail(error as Error))
    worker.on('exit', () => this.#fail(new Error('the database worker has ended')))
  }

  /** Opens or creates the file and brings its schema up to date. Throws SchemaError if it is of a newer version. */
  static async open(path: string): Promise<SqliteDatabase> {
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
      workerData: { path },
      name: 'database',
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    const database = new SqliteDatabase(worker)
    await new Promise<unknown>((resolve, reject) => database.#waiting.set(0, { resolve, reject }))
    return database
  }

  async query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return (await this.#ask({ kind: 'query', sql, params })) as Row[]
  }

  async transaction(steps: readonly SqlStep[]): Promise<number[]> {
    for (;;) {
      try {
        return (await this.#ask({ kind: 'transaction', steps })) as number[]
      } catch (error) {
        if (!(error instanceof DatabaseFullError)) throw error
        await wait(FULL_RETRY_MS)
      }
    }
  }

  async close(): Promise<void> {
    if (this.#failed === undefined) await this.#ask({ kind: 'close' })
    await this.#worker.terminate()
  }

  #ask(request: Unnumbered<SqliteRequest>): Promise<unknown> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }

  #settle(reply: SqliteReply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    try {
      waiting?.resolve(answerOf(reply))
    } catch (error) {
      waiting?.reject(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#failed ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
