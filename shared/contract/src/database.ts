import { StartupError } from './startup-error.ts'

/**
 * The small interface behind which SQLite and PostgreSQL stand (ARCHITECTURE.md, "Log and state"). Statements are
 * written once, in SQL that both understand, with `$1`-style parameters. A caller that awaits each request sees what
 * those before it did; requests that are under way at once have no order between them.
 */
export interface Database {
  /**
   * Rows of one statement. Integers come as number; a column over 2^53-1 is a fault. Where the connection breaks the
   * statement is run again, not knowing whether it took effect: only for what may be done twice.
   */
  query<Row>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>
  /**
   * Runs the steps in one transaction: all of them or none, and exactly once. A step with `expect` whose count of
   * changed rows differs rolls back with FencedError. Resolves to the rows changed by each step.
   */
  transaction(steps: readonly SqlStep[]): Promise<number[]>
  close(): Promise<void>
}

export type SqlValue = string | number | null | Uint8Array

export interface SqlStep {
  readonly sql: string
  /**
   * The statement runs once for each row of parameters. One with all of its parameters in one `VALUES (…)` is given
   * hundreds of rows at once on PostgreSQL: no two rows of a step may be about the same key.
   */
  readonly rows: readonly (readonly SqlValue[])[]
  /** Rows that the step must change in all. */
  readonly expect?: number
}

/** Someone else has changed what this transaction stands on: a newer writer (invariant 6), or a newer epoch. */
export class FencedError extends Error {
  override name = 'FencedError'
  readonly code = 'fenced'
}

/** The disk has no room for a transaction: nothing of it was written. Made up for inside; see SqliteDatabase. */
export class DatabaseFullError extends Error {
  override name = 'DatabaseFullError'
  readonly code = 'full'
}

/** The database was written by a newer version of this software, or by another software. */
export class SchemaError extends StartupError {
  override name = 'SchemaError'
  readonly code = 'schema'
}

/** The database was closed before this request was answered, or before it was made. */
export class DatabaseClosedError extends Error {
  override name = 'DatabaseClosedError'
  readonly code = 'closed'
}
