/** Repeats of a seq, or steps back, within one connection before it is closed (protocol.md Q11). */
const MAX_NOT_RISING = 100
/** Seqs of broken frames remembered for one host. */
const MAX_BROKEN = 1_024
/** A new sequence is believed on the host's behaviour alone once in so long. */
const ANEW_EVERY_MS = 3_600_000

/** What a seq is to the ones before it: `anew`, the host began a new sequence; `stuck`, it repeats itself too often. */
export type Step = 'rises' | 'repeats' | 'stuck' | 'anew'

/**
 * Where one host's sequence stands (protocol.md Q11, Q12, A2): what rises, what was stepped over because it could not be
 * read, and whether the host has begun anew.
 */
export class HostSequence {
  /** The host has begun a new sequence: the next connection begins a new epoch. */
  isNew = false
  readonly #now: () => number
  #last = 0
  #first = true
  #notRising = 0
  /** Ends in a row over a frame whose seq could not be read: the cursor is moved on step by step. */
  #unreadable = 0
  #futureCursors = 0
  #begunMs = Number.NEGATIVE_INFINITY
  readonly #broken = new Set<number>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** A connection is made behind this cursor; returns the one to ask for, past what could not be read. */
  begin(cursor: number | null): number | null {
    this.#first = true
    this.#notRising = 0
    const from = cursor === null ? null : cursor + stepPast(this.#unreadable)
    this.#last = from ?? 0
    return from
  }

  /** The next seq of the connection. */
  take(seq: number): Step {
    const first = this.#first
    this.#first = false
    if (seq > this.#last) {
      this.#last = seq
      return 'rises'
    }
    // The first event behind the cursor has a seq below it: the host did not say so, yet it began anew (A2).
    const due = this.#now() - this.#begunMs > ANEW_EVERY_MS
    if (first && seq < this.#last && this.#unreadable === 0 && due) {
      this.isNew = true
      return 'anew'
    }
    return ++this.#notRising > MAX_NOT_RISING ? 'stuck' : 'repeats'
  }

  /** An event was sent on its way. */
  noteProgress(): void {
    this.#unreadable = 0
    this.#futureCursors = 0
  }

  /** The connection ended over a frame that could not be read. */
  noteUnreadable(): void {
    this.#unreadable++
  }

  /** The host ended the connection for a cause of its own: what could not be read was not what it stumbled over. */
  noteError(): void {
    this.#unreadable = 0
  }

  /** The host says that our cursor lies in its future. Twice, with a pause between, it is no mishap (Q12). */
  noteFutureCursor(): void {
    // A cursor that was moved on by guess may well lie there.
    if (this.#unreadable === 0 && ++this.#futureCursors > 1) this.isNew = true
  }

  /** The last word of the host was that our cursor lies in its future. */
  get isAhead(): boolean {
    return this.#futureCursors > 0
  }

  /** Somebody asks for this host: after FutureCursor its word is taken that it began anew (Q12). */
  noteAsked(): void {
    if (this.isAhead) this.isNew = true
  }

  /** A new epoch has begun. */
  noteEpoch(): void {
    this.isNew = false
    this.#futureCursors = 0
    this.#begunMs = this.#now()
    this.#broken.clear()
  }

  /** The frame with this seq was found broken; `isBroken` remembers it. */
  noteBroken(seq: number): void {
    this.#broken.add(seq)
    if (this.#broken.size > MAX_BROKEN) this.#broken.delete(this.#broken.values().next().value as number)
  }

  isBroken(seq: number): boolean {
    return this.#broken.has(seq)
  }
}

/** Past a frame that cannot be read: one seq at first, so that no good event is skipped, then further. */
function stepPast(attempts: number): number {
  return attempts <= 16 ? attempts : 16 + 2 ** Math.min(attempts - 16, 20)
}
