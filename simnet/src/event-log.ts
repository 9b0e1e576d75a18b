/** One served message: its place in the host's sequence and the ready WebSocket frame. */
export interface LogEntry {
  seq: number
  did: string
  /** Whole WebSocket frame (header and payload), written to sockets as it is. */
  frame: Buffer
}

/**
 * A host's event log in memory, ordered by seq. Gaps in seq are legal. `version` changes whenever entries vanish,
 * so that readers which remember an index look their seq up again.
 */
export class EventLog {
  version = 0
  private entries: LogEntry[] = []
  private newest = 0
  /** Highest seq ever thrown out of the window, 0 if none: decides OutdatedCursor (protocol.md Q4). */
  private evicted = 0

  get length(): number {
    return this.entries.length
  }

  /** Newest assigned seq; 0 for a host that never sent anything. */
  get newestSeq(): number {
    return this.newest
  }

  at(index: number): LogEntry | undefined {
    return this.entries[index]
  }

  append(entry: LogEntry): void {
    this.entries.push(entry)
    this.newest = Math.max(this.newest, entry.seq)
  }

  /** Index of the first entry above the cursor (exclusive, Q3). */
  indexAfter(cursor: number): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.entries[middle]?.seq ?? Number.POSITIVE_INFINITY) > cursor) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Whether events above the cursor were thrown out of the window (Q4). */
  isOutdated(cursor: number): boolean {
    const oldest = this.entries[0]?.seq ?? this.newest + 1
    return cursor + 1 < oldest && this.evicted > cursor
  }

  /** Throws out everything up to and including seq, as a replay window does. */
  evictThrough(seq: number): void {
    const index = this.indexAfter(seq)
    this.evicted = Math.max(this.evicted, this.entries[index - 1]?.seq ?? 0)
    this.entries = this.entries.slice(index)
    this.version++
  }

  /** Drops the events of one DID, as the reference PDS does when an account is deleted (P-PDS); leaves seq gaps. */
  removeDid(did: string, keep: (entry: LogEntry) => boolean): void {
    this.entries = this.entries.filter((entry) => entry.did !== did || keep(entry))
    this.version++
  }

  /** Forgets everything and starts again at seq 1, as a host that lost its disk does (A2, Q12). */
  wipe(): void {
    this.entries = []
    this.newest = 0
    this.evicted = 0
    this.version++
  }
}
