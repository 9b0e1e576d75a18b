import type { Database, SqlStep, SqlValue } from '@bgs/contract/database.ts'
import { answerOf } from '@bgs/database/sqlite.ts'
import { SqliteFile, type SqliteRequest } from '@bgs/database/sqlite-file.ts'
import type { SimProcess } from '../world/sim-process.ts'

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

/**
 * A SQLite database that outlives processes: the real one, in memory. What is committed stays, whatever ends the process,
 * for it is synced then; who is killed between the commit and the answer never learns of it.
 */
export class SimDatabase {
  readonly #file = new SqliteFile(':memory:')
  readonly #random: () => number
  /** Of each request, there and back, milliseconds. */
  latencyMs = 1

  constructor(random: () => number) {
    this.#random = random
  }

  /** The database as a process sees it. */
  of(owner: SimProcess): Database {
    // Requests are answered in the order in which they were made.
    let lastMs = 0
    const ask = (request: Unnumbered<SqliteRequest>): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const { scheduler } = owner
        lastMs = Math.max(lastMs, scheduler.nowMs) + (this.latencyMs * (0.5 + this.#random())) / 2
        owner.at(lastMs, () => {
          const reply = this.#file.answer({ ...request, id: 0 })
          lastMs = Math.max(lastMs, scheduler.nowMs)
          owner.at(lastMs + (this.latencyMs * this.#random()) / 2, () => {
            try {
              resolve(answerOf(reply))
            } catch (error) {
              reject(error as Error)
            }
          })
        })
      })
    return {
      query: async <Row>(sql: string, params: readonly SqlValue[] = []) =>
        (await ask({ kind: 'query', sql, params })) as Row[],
      transaction: async (steps: readonly SqlStep[]) =>
        (await ask({ kind: 'transaction', steps })) as number[],
      close: async () => undefined,
    }
  }
}
