import { DatabaseClosedError, FencedError, type SqlStep, type SqlValue } from '@bgs/contract/database.ts'
import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Client, QueryResult } from 'pg'
import { chunksOf } from './multi-row.ts'
import { ConnectError, connectPostgres } from './postgres-connect.ts'
import { isAway, isPassing } from './postgres-errors.ts'
import { preparedName } from './postgres-prepared.ts'
import { postgresParams } from './postgres-values.ts'

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 1_000

export interface SessionSettings {
  readonly url: string
  /** Like no other session's, in this process or another. */
  readonly name: string
  readonly health: Pick<ServerHealth, 'ok' | 'failed'> | undefined
  /** Ends all waiting. */
  readonly closed: AbortSignal
}

/**
 * One thing at a time on one connection, which is made anew where it breaks. Each transaction also writes its number
 * into the session's row of `commits` (stored as `lane`): where the answer to a COMMIT is lost, that row says whether it took effect.
 * (pg_xact_status does not: after a crash PostgreSQL gives the ids of transactions that it had not yet written to
 * disk to others, and answers for those.)
 */
export class PostgresSession {
  readonly #settings: SessionSettings
  #client: Client | undefined
  #number = 0

  constructor(settings: SessionSettings) {
    this.#settings = settings
  }

  query(sql: string, params: readonly SqlValue[]): Promise<unknown[]> {
    return this.#persist(async (client) => (await run(client, sql, params)).rows as unknown[])
  }

  transaction(steps: readonly SqlStep[]): Promise<number[]> {
    const number = ++this.#number
    // Set from when COMMIT is sent until it is known not to have taken effect.
    let sent: number[] | undefined
    return this.#persist(async (client) => {
      if (sent !== undefined && (await this.#lastCommitted(client)) === number) return sent
      sent = undefined
      const changed = await this.#write(client, steps, number)
      sent = changed
      try {
        await client.query('COMMIT')
      } catch (error) {
        if (!isAway(error)) sent = undefined
        throw error
      }
      return changed
    })
  }

  /** Says goodbye; a statement under way fails. */
  async end(): Promise<void> {
    await this.#client?.end()
  }

  /** Cuts the connection without a word. */
  drop(): void {
    this.#client?.connection.stream.destroy()
    this.#client = undefined
  }

  /** Tries until it succeeds, or fails for a reason that will not pass, or the database is closed. */
  async #persist<T>(attempt: (client: Client) => Promise<T>): Promise<T> {
    const { health, closed } = this.#settings
    for (let tries = 0; ; tries++) {
      try {
        const value = await attempt(await this.#connection())
        health?.ok()
        return value
      } catch (error) {
        const away = error instanceof ConnectError || isAway(error)
        if (away) this.drop()
        else if (!isPassing(error)) throw error
        health?.failed(error)
        await wait(backoffMs(tries), closed)
        if (closed.aborted)
          throw new DatabaseClosedError('the database was closed before this request was answered', {
            cause: error,
          })
      }
    }
  }

  async #connection(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    const { url, name, closed } = this.#settings
    const client = await connectPostgres(url, closed, {
      // A connection of this session that broke may live on at the server, with its locks: it is ended there.
      hello: `SET application_name = '${name}';
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = '${name}' AND usename = current_user AND pid <> pg_backend_pid();
        INSERT INTO commits (lane, number) VALUES ('${name}', 0) ON CONFLICT DO NOTHING`,
    })
    client.on('end', () => {
      if (this.#client === client) this.#client = undefined
    })
    this.#client = client
    return client
  }

  /** Does the steps in a transaction that is left open. */
  async #write(client: Client, steps: readonly SqlStep[], number: number): Promise<number[]> {
    try {
      const begun = await client.query(
        `BEGIN; UPDATE commits SET number = ${number}, at = now() WHERE lane = '${this.#settings.name}'`,
      )
      // Two statements, two results. The session's row was there when it connected.
      if ((begun as unknown as QueryResult[])[1]?.rowCount !== 1)
        throw new ConnectError('the row of this connection is gone: connecting again')
      const changed: number[] = []
      for (const step of steps) {
        let count = 0
        for (const { sql, params } of chunksOf(step)) count += (await run(client, sql, params)).rowCount ?? 0
        if (step.expect !== undefined && step.expect !== count)
          throw new FencedError(`someone else wrote first: ${count} rows instead of ${step.expect}`)
        changed.push(count)
      }
      return changed
    } catch (error) {
      if (!isAway(error)) await client.query('ROLLBACK').catch(() => this.drop())
      throw error
    }
  }

  /** The number of the last transaction of this session that took effect. Waits for one that is still under way. */
  async #lastCommitted(client: Client): Promise<number | undefined> {
    const { rows } = await client.query<{ number: number }>(
      'SELECT number FROM commits WHERE lane = $1 FOR UPDATE',
      [this.#settings.name],
    )
    return rows[0]?.number
  }
}

function run(client: Client, sql: string, params: readonly SqlValue[]): Promise<QueryResult> {
  const name = preparedName(sql)
  return client.query({
    text: sql,
    values: postgresParams(params),
    ...(name === undefined ? {} : { name }),
  })
}

export function backoffMs(tries: number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries)
  return full * (0.5 + Math.random() / 2)
}
