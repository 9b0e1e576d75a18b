import { randomBytes } from 'node:crypto'
import {
  type Database,
  DatabaseClosedError,
  SchemaError,
  type SqlStep,
  type SqlValue,
} from '@bgs/contract/database.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { ConnectError, connectPostgres, serverOf } from './postgres-connect.ts'
import { isAway, isPassing } from './postgres-errors.ts'
import { migratePostgres } from './postgres-migrate.ts'
import { backoffMs, PostgresSession } from './postgres-session.ts'

const SESSIONS = 6
/** For what is under way when the database is closed. */
const CLOSE_MS = 1_000

export interface PostgresOptions {
  readonly logger?: Logger
  /** Told of each answer, and each time that the server did not give one. */
  readonly health?: Pick<ServerHealth, 'ok' | 'failed'>
  /** Ends the wait for a server that is not there yet. */
  readonly signal?: AbortSignal
}

/**
 * PostgreSQL, which may go away and come back at any time: requests then wait, and transactions take effect exactly
 * once, until the database is closed. Needs sessions of its own, as a pooler gives them in its session mode.
 */
export class PostgresDatabase implements Database {
  readonly #closed = new AbortController()
  readonly #sessions: PostgresSession[]
  readonly #free: PostgresSession[]
  readonly #queue: PromiseWithResolvers<PostgresSession>[] = []
  readonly #idle = Promise.withResolvers<void>()
  #closing: Promise<void> | undefined

  private constructor(url: string, health: PostgresOptions['health']) {
    const process = randomBytes(8).toString('hex')
    const closed = this.#closed.signal
    this.#sessions = Array.from(
      { length: SESSIONS },
      (_, i) => new PostgresSession({ url, name: `relay-${process}-${i}`, health, closed }),
    )
    this.#free = [...this.#sessions]
  }

  /**
   * Waits for the server and brings its schema up to date. Throws SchemaError if that is of a newer version, and
   * what `signal` was aborted with.
   */
  static async open(url: string, options: PostgresOptions = {}): Promise<PostgresDatabase> {
    const { logger, health, signal = new AbortController().signal } = options
    for (let tries = 0; ; tries++) {
      try {
        await migrate(url, signal)
        health?.ok()
        return new PostgresDatabase(url, health)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof ConnectError || isAway(error) || isPassing(error))) throw error
        health?.failed(error)
        logger?.warn({ err: error }, `${errorText(error)}: trying again`)
        await wait(backoffMs(tries), signal)
        signal.throwIfAborted()
      }
    }
  }

  query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#use((session) => session.query(sql, params)) as Promise<Row[]>
  }

  transaction(steps: readonly SqlStep[]): Promise<number[]> {
    return this.#use((session) => session.transaction(steps))
  }

  /** What is under way is given a moment; what then has no answer is rejected. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const done = new AbortController()
    const enough = wait(CLOSE_MS, done.signal)
    if (this.#free.length < SESSIONS) await Promise.race([this.#idle.promise, enough])
    this.#closed.abort()
    for (const waiting of this.#queue.splice(0)) waiting.reject(closedError())
    await Promise.race([Promise.all(this.#sessions.map((session) => session.end())), enough])
    done.abort()
    for (const session of this.#sessions) session.drop()
  }

  async #use<T>(step: (session: PostgresSession) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError()
    const session = await this.#take()
    try {
      return await step(session)
    } finally {
      this.#give(session)
    }
  }

  /** The session given back last is taken first: the others' connections stay unmade where one is enough. */
  #take(): Promise<PostgresSession> | PostgresSession {
    const session = this.#free.pop()
    if (session !== undefined) return session
    const waiting = Promise.withResolvers<PostgresSession>()
    this.#queue.push(waiting)
    return waiting.promise
  }

  #give(session: PostgresSession): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#free.push(session)
    else next.resolve(session)
    if (this.#closing !== undefined && this.#free.length === SESSIONS) this.#idle.resolve()
  }
}

async function migrate(url: string, signal: AbortSignal): Promise<void> {
  const client = await connectPostgres(url, signal, { patient: true })
  const abort = () => client.connection.stream.destroy()
  signal.addEventListener('abort', abort)
  try {
    await migratePostgres(client)
  } catch (error) {
    if (error instanceof SchemaError || isAway(error) || isPassing(error)) throw error
    throw new Error(`${serverOf(url)} cannot be brought up to date: ${errorText(error)}`, {
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', abort)
    abort()
  }
}

function closedError(): DatabaseClosedError {
  return new DatabaseClosedError('the database was closed')
}
