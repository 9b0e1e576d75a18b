import type { Database } from '../db/database.ts'

/** After so many beginnings in a row that did not last, what is read is marked before it is handed out. */
const CAREFUL_AFTER = 3
/** So often a process died while an entry was the only one that was marked: then it is the entry's fault. */
export const DEATHS = 3
/** Entries remembered that somebody died over; the oldest are forgotten. */
const MAX_SUSPECTS = 1_000

const BEGIN = `INSERT INTO attempts (name, begun) VALUES ($1, 1)
  ON CONFLICT (name) DO UPDATE SET begun = attempts.begun + 1`
const LASTED = 'UPDATE attempts SET begun = 0 WHERE name = $1 AND begun > 0'
const MARK = `INSERT INTO suspects (entry, marks, at_ms) VALUES ($1, 1, $2)
  ON CONFLICT (entry) DO UPDATE SET marks = suspects.marks + 1, at_ms = excluded.at_ms`
const CLEAR = 'DELETE FROM suspects WHERE entry = $1'
const FORGET = `DELETE FROM suspects WHERE at_ms <
  (SELECT at_ms FROM suspects ORDER BY at_ms DESC LIMIT 1 OFFSET ${MAX_SUSPECTS})`

/**
 * What the database remembers of processes that ended without a word (invariant 14): how often in a row whoever read
 * something began and did not last, and over which entry it was.
 */
export class Caution {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Somebody begins to read what goes by this name; resolves to whether care is due. */
  async begin(name: string): Promise<boolean> {
    await this.#database.transaction([{ sql: BEGIN, rows: [[name]] }])
    const [row] = await this.#database.query<{ begun: number }>(
      'SELECT begun FROM attempts WHERE name = $1',
      [name],
    )
    return Number(row?.begun ?? 0) >= CAREFUL_AFTER
  }

  /** Whoever began has lasted, or ends as it should. */
  async lasted(names: readonly string[]): Promise<void> {
    if (names.length > 0)
      await this.#database.transaction([{ sql: LASTED, rows: names.map((name) => [name]) }])
  }

  /** Marks an entry before it is handed out; resolves to how often it was marked and somebody died. */
  async mark(entry: string): Promise<number> {
    await this.#database.transaction([
      { sql: MARK, rows: [[entry, Date.now()]] },
      { sql: FORGET, rows: [[]] },
    ])
    const [row] = await this.#database.query<{ marks: number }>(
      'SELECT marks FROM suspects WHERE entry = $1',
      [entry],
    )
    return Number(row?.marks ?? 1) - 1
  }

  /** Nobody died over it. */
  async clear(entry: string): Promise<void> {
    await this.#database.transaction([{ sql: CLEAR, rows: [[entry]] }])
  }
}
