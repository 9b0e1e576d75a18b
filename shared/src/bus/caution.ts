import type { Database } from '../db/database.ts'

/** The so manyth beginning in a row, of which none has lasted, marks what is read before it is handed out. */
const CAREFUL_AFTER = 2
/**
 * Entries that are marked together, by how often each was marked when somebody died: fewer and fewer. Beyond the last,
 * where it was alone twice, it is the entry's fault.
 */
export const TOGETHER = [256, 16, 1, 1] as const
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

  /** Entries that were marked when somebody died, and how often. */
  async suspects(): Promise<Map<string, number>> {
    const rows = await this.#database.query<{ entry: string; marks: number }>(
      'SELECT entry, marks FROM suspects',
    )
    return new Map(rows.map(({ entry, marks }) => [entry, Number(marks)]))
  }

  /** Marks entries before they are handed out. */
  async mark(entries: readonly string[]): Promise<void> {
    const nowMs = Date.now()
    await this.#database.transaction([
      { sql: MARK, rows: entries.map((entry) => [entry, nowMs]) },
      { sql: FORGET, rows: [[]] },
    ])
  }

  /** Nobody died over them. */
  async clear(entries: readonly string[]): Promise<void> {
    await this.#database.transaction([{ sql: CLEAR, rows: entries.map((entry) => [entry]) }])
  }
}
