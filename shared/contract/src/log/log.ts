import { StartupError } from '../startup-error.ts'
import type { LogBatch, LogEntry } from './log-batch.ts'

/**
 * The log `sequenced` (ARCHITECTURE.md, "Log and state"). Seq is a pure function of the position in it: strictly
 * rising, never reused, gaps allowed. Readers see only what is committed.
 */
export interface Log extends LogReader {
  /** Raised each time the log is opened for writing: fences and tells the processes' lives apart. */
  readonly generation: number
  /** Whether it keeps input positions. */
  readonly keepsPositions: boolean
  /** What the last append before this opening said of the input positions; null where the log keeps none. */
  readonly checkpoint: Buffer | null
  /**
   * Appends all entries and the input positions they were made of, or nothing; durably before it resolves; one call at
   * a time. Resolves to the committed batch, which begins at the `next` of `bounds`. Throws LogFullError (nothing
   * written, try again), LogTooLargeError, LogFencedError, or LogUnknownError (outcome unknown: the writer is
   * unusable; reopen and look).
   */
  append(entries: readonly LogEntry[], checkpoint?: Uint8Array): Promise<LogBatch>
  /** Removes whole segments beyond the window, never above `position` (invariant 5). */
  trim(position: number): Promise<void>
  close(): Promise<void>
}

export interface LogReader {
  bounds(): LogBounds
  /**
   * Seq that the next entry of the log will get at the earliest, as its writer would say now: above the `next` of
   * `bounds` where this reader lags behind. Throws when that cannot be had.
   */
  head(): Promise<number>
  /**
   * Batches from the one that holds `fromSeq` (or the first after it), in order: as many as fit into `maxBytes`, at
   * least one; none at the end. Throws LogTrimmedError below the floor. With `into`, of `maxBytes` at least, they may be
   * views of it: for those who read much and are soon done with it.
   */
  read(fromSeq: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]>
  /** Calls back for each batch once it is committed, in order; returns the way to stop. */
  tail(listener: (batch: LogBatch) => void): () => void
}

export interface LogBounds {
  /** First retained seq; equal to `next` where the log is empty. */
  readonly first: number
  /** Seq that the next entry will get at the earliest. */
  readonly next: number
  /** Whether anything was ever evicted, or lost, below `first` (Q4). */
  readonly evicted: boolean
  /** Whether what lies below `first`, and is not evicted, is still on its way here: a cursor there cannot be served yet. */
  readonly filling?: true
}

/** First seq of a new log: from here on seq always takes nine bytes of CBOR (invariant 10). */
export const FIRST_SEQ = 2 ** 32
/** Seqs left out where a log ends below what is known to have been served. */
export const GAP_AFTER_LOSS = 2 ** 32

export class LogFullError extends Error {
  override name = 'LogFullError'
  readonly code = 'full'
}

/** Another writer has written: this one is no longer the one (invariant 9). */
export class LogFencedError extends Error {
  override name = 'LogFencedError'
  readonly code = 'fenced'
}

/** The log is not the one that the database is a view of: neither may be written under the other's numbers. */
export class LogMismatchError extends StartupError {
  override name = 'LogMismatchError'
  readonly code = 'foreign'
}

export class LogTooLargeError extends Error {
  override name = 'LogTooLargeError'
  readonly code = 'too-large'
}

export class LogUnknownError extends Error {
  override name = 'LogUnknownError'
  readonly code = 'unknown'
}

export class LogTrimmedError extends Error {
  override name = 'LogTrimmedError'
  readonly code = 'trimmed'
}
