import type { Database } from '@bgs/contract/database.ts'

/** How many entries may be in hand, by the evidence against them: the more there is, the fewer, then one alone. */
const TOGETHER = [1_024, 64, 8]
/**
 * Who is killed from outside was not killed by what it had in hand. For so long an end that nobody noted a fault of is no
 * evidence.
 */
const KILLED_FOR_MS = 120_000
/** An entry is guilty where so many ended that had it alone, and could note that it was by a fault of their own. */
const FAULTS = 2
/** Where nothing was noted it takes more of them. */
const KILLS_ALONE = 5
/** Entries remembered that somebody died over; the oldest are forgotten. */
const MAX_SUSPECTS = 10_000

const BEGIN = `INSERT INTO attempts (name, begun, faults, first_ms) VALUES ($1, 1, 0, $2)
  ON CONFLICT (name) DO UPDATE SET begun = attempts.begun + 1,
    first_ms = CASE WHEN attempts.begun = 0 THEN excluded.first_ms ELSE attempts.first_ms END`
const LASTED = 'UPDATE attempts SET begun = 0, faults = 0 WHERE name = $1 AND begun > 0'
/** One that had lasted has failed, too: whoever is next is the second. */
const FAILED = `UPDATE attempts SET faults = faults + 1,
    begun = CASE WHEN begun = 0 THEN 1 ELSE begun END WHERE name = $1`
const MARK = `INSERT INTO suspects (entry, marks, faults, alone, first_ms, at_ms) VALUES ($1, 1, 0, $2, $3, $3)
  ON CONFLICT (entry) DO UPDATE SET marks = suspects.marks + 1, alone = suspects.alone + excluded.alone, at_ms = excluded.at_ms`
const FAULT = 'UPDATE suspects SET faults = faults + 1, alone = alone + $2 WHERE entry = $1'
const HARMLESS = 'UPDATE suspects SET alone = 0 WHERE entry = $1'
const CLEAR = 'DELETE FROM suspects WHERE entry = $1'
const FORGET = `DELETE FROM suspects WHERE at_ms <
  (SELECT at_ms FROM suspects ORDER BY at_ms DESC LIMIT 1 OFFSET ${MAX_SUSPECTS})`

/** An entry that somebody had in hand who ended without a word. */
export interface Suspect {
  /** How many that were. */
  readonly marks: number
  /** How many of them noted that it was by a fault of their own. */
  readonly faults: number
  /** How many of them had it alone. */
  readonly alone: number
  readonly firstMs: number
}

/** The share of what may be in hand that an entry takes: 1 is all of it, for it goes alone. */
export function shareOf(suspect: Suspect | undefined, nowMs: number): number {
  if (suspect === undefined) return 1 / (TOGETHER[0] as number)
  const { marks, faults, firstMs } = suspect
  const evidence = nowMs - firstMs >= KILLED_FOR_MS ? marks : faults
  return 1 / (TOGETHER[evidence] ?? 1)
}

/** Whether an entry is to be stepped over. */
export function isGuilty({ faults, alone, firstMs }: Suspect, nowMs: number): boolean {
  if (alone >= FAULTS && faults >= FAULTS) return true
  return alone >= KILLS_ALONE && nowMs - firstMs >= KILLED_FOR_MS
}

/**
 * What the database remembers of processes that ended without a word (invariant 14): how often in a row whoever read
 * something began and did not last, and over which entry it was.
 */
export class Caution {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Somebody begins to read what goes by this name. Resolves to whether care is due: those before it did not last, by a
   * fault of their own, or for minutes.
   */
  async begin(name: string): Promise<boolean> {
    const nowMs = Date.now()
    await this.#database.transaction([{ sql: BEGIN, rows: [[name, nowMs]] }])
    const [row] = await this.#database.query<Record<'begun' | 'faults' | 'first_ms', number>>(
      'SELECT begun, faults, first_ms FROM attempts WHERE name = $1',
      [name],
    )
    if (row === undefined || Number(row.begun) < 2) return false
    return Number(row.faults) > 0 || nowMs - Number(row.first_ms) >= KILLED_FOR_MS
  }

  /** Whoever began has lasted, or ends as it should. */
  async lasted(names: readonly string[]): Promise<void> {
    if (names.length > 0)
      await this.#database.transaction([{ sql: LASTED, rows: names.map((name) => [name]) }])
  }

  async suspects(): Promise<Map<string, Suspect>> {
    const rows = await this.#database.query<
      Record<'marks' | 'faults' | 'alone' | 'first_ms', number> & { entry: string }
    >('SELECT entry, marks, faults, alone, first_ms FROM suspects')
    return new Map(
      rows.map(({ entry, marks, faults, alone, first_ms: firstMs }) => [
        entry,
        {
          marks: Number(marks),
          faults: Number(faults),
          alone: Number(alone),
          firstMs: Number(firstMs),
        },
      ]),
    )
  }

  /** Marks entries before they are handed out, or the one that is handed out alone. */
  async mark(entries: readonly string[], isAlone: boolean): Promise<void> {
    const nowMs = Date.now()
    await this.#database.transaction([
      { sql: MARK, rows: entries.map((entry) => [entry, isAlone ? 1 : 0, nowMs]) },
      { sql: FORGET, rows: [[]] },
    ])
  }

  /**
   * Whoever reads what goes by `names` ends by a fault of its own, with these marked in hand; `isAlone`: it has but one, by
   * chance.
   */
  async noteFault(names: readonly string[], entries: readonly string[], isAlone: boolean): Promise<void> {
    await this.#database.transaction([
      { sql: FAILED, rows: names.map((name) => [name]) },
      { sql: FAULT, rows: entries.map((entry) => [entry, isAlone ? 1 : 0]) },
    ])
  }

  /** It was handed out alone, and nobody died. */
  async noteHarmless(entry: string): Promise<void> {
    await this.#database.transaction([{ sql: HARMLESS, rows: [[entry]] }])
  }

  /** They are done. */
  async clear(entries: readonly string[]): Promise<void> {
    await this.#database.transaction([{ sql: CLEAR, rows: entries.map((entry) => [entry]) }])
  }
}
