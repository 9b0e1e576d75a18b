/** What the database knows of the log. */
export interface LogSeen {
  /** '' for none. */
  readonly logId: string
  /** The highest it has seen, 0 for none. */
  readonly position: number
  /** Of the last writer that began to write, and the base that it numbered with; 0 for none. */
  readonly generation: number
  readonly base: number
}
