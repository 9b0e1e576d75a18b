import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { RecentFrames } from './recent-frames.ts'

/** Repeats of a seq, or steps back, within one connection before it is closed (protocol.md Q11). */
const MAX_NOT_RISING = 100
/** Seqs of broken frames remembered for one host. */
const MAX_BROKEN = 1_024
/** A new sequence is believed on the host's behaviour alone once in so long. */
const ANEW_EVERY_MS = 3_600_000

/** How far the clock of a host may go ahead of ours. */
const CLOCK_AHEAD_MS = 2_000

/** The time of day, and what never goes back, both in milliseconds: this machine's clock may be slow, and set at any moment. */
export interface Clocks {
  readonly now: () => number
  readonly monotonic: () => number
}

/**
 * What a seq is to the ones before it: `behind`, an event up to the cursor that the host sends once more; `anew`, the host
 * began a new sequence; `repeats`, it does not rise within the connection; `stuck`, that happened too often.
 */
export type Step = 'rises' | 'behind' | 'repeats' | 'stuck' | 'anew'

/**
 * Where one host's sequence stands (protocol.md Q11, Q12, A2): what rises, what was stepped over because it could not be
 * read, and whether the host has begun anew.
 */
export class HostSequence {
  /** The host has begun a new sequence: the next connection begins a new epoch. */
  isNew = false
  readonly #clocks: Clocks
  /** Highest seq of this connection, at first the cursor. */
  #last = 0
  /** Highest seq of the epoch that was read; it may be above the cursor, where some of it is not safe yet. */
  #highest = 0
  /** Highest seq over this connection of those up to the cursor. */
  #behind = 0
  #hasRisen = false
  #notRising = 0
  /** Ends in a row over a frame whose seq could not be read: the cursor is moved on step by step. */
  #unreadable = 0
  /** The last end was over a message that may have been spoilt on its way. */
  #isSuspect = false
  #futureCursors = 0
  #begunMs = Number.NEGATIVE_INFINITY
  /** When the highest one came, in monotonic milliseconds. */
  #lastEventMs: number
  readonly #recent = new RecentFrames()
  readonly #broken = new Set<number>()

  /** `lastEventMs`: when an event of this host last rose, before this process crawled it. */
  constructor(clocks: Clocks, lastEventMs: number) {
    this.#clocks = clocks
    this.#lastEventMs = clocks.monotonic() - (clocks.now() - lastEventMs)
  }

  /**
   * A connection is made behind this cursor; returns the one to ask for, past what could not be read. What rises above the
   * cursor itself is taken all the same: the step may have gone past events that the host had yet to make.
   *
   * Nothing is stepped past while events in front of what cannot be read are still on their way:
   * 1. Event 11 waits for its identity, 12 is done, 13 cannot be read. 2. The connection ends; the cursor is 10. 3. With one step
   * the host would begin at 12, the cursor go on to 12 without 11, and a kill lose it.
   */
  begin(cursor: number | null): number | null {
    const step = (cursor ?? 0) < this.#last ? 0 : stepPast(this.#unreadable)
    this.#hasRisen = false
    this.#behind = 0
    this.#notRising = 0
    this.#last = cursor ?? 0
    this.#highest = Math.max(this.#highest, this.#last)
    return cursor === null ? null : cursor + step
  }

  /** The next seq of the connection, and the frame that it stood in. */
  take(seq: number, frame: Uint8Array): Step {
    if (seq > this.#highest) {
      this.#highest = seq
      this.#recent.note(seq, frame)
      return this.#rise(seq)
    }
    // Not over this connection, so it ought to be what was read before.
    if (seq > this.#last)
      return this.#wasRead(seq, frame) || !this.#mayBegin() ? this.#rise(seq) : this.#begin()
    if (this.#hasRisen || seq <= this.#behind) return this.#repeat()
    this.#behind = seq
    if (this.#wasRead(seq, frame)) return 'behind'
    return this.#mayBegin() ? this.#begin() : this.#repeat()
  }

  #rise(seq: number): Step {
    this.#last = seq
    this.#hasRisen = true
    return 'rises'
  }

  #mayBegin(): boolean {
    return this.#clocks.monotonic() - this.#begunMs > ANEW_EVERY_MS
  }

  #begin(): Step {
    this.isNew = true
    return 'anew'
  }

  #repeat(): Step {
    return ++this.#notRising > MAX_NOT_RISING ? 'stuck' : 'repeats'
  }

  /**
   * Whether an event up to the cursor is one that was read: hosts begin a replay at the cursor, or somewhat before it
   * (A1). One that is not was made since, so the host began its sequence anew, or goes on from a backup, and did not say so
   * (A2). It is the same frame; else its own time says it: what is made after all that was read is later than that. A time
   * that our clock has not reached yet says nothing, for it may be our clock that is slow.
   */
  #wasRead(seq: number, frame: Uint8Array): boolean {
    const isSame = this.#recent.isSame(seq, frame)
    if (isSame === true) return true
    const scanned = scanFrame(frame)
    const timeMs = 'time' in scanned ? Date.parse(scanned.time) : Number.NaN
    // Without a time that can be read it says nothing, and nobody would take it.
    if (Number.isNaN(timeMs)) return true
    const { now, monotonic } = this.#clocks
    const nowMs = now()
    if (timeMs > nowMs + CLOCK_AHEAD_MS) return isSame === undefined
    const lastEventMs = nowMs - (monotonic() - this.#lastEventMs)
    // Of another frame with its seq it is to be sure of: the time of day has whole milliseconds.
    if (isSame === false) return timeMs < lastEventMs - 1
    return timeMs < lastEventMs + (this.#recent.isEmpty ? CLOCK_AHEAD_MS : 0)
  }

  /** An event was sent on its way, which came just now. */
  noteProgress(): void {
    if (this.#last === this.#highest) this.#lastEventMs = this.#clocks.monotonic()
    this.#unreadable = 0
    this.#isSuspect = false
    this.#futureCursors = 0
  }

  /** The connection ended over a frame that could not be read. */
  noteUnreadable(): void {
    this.#unreadable++
  }

  /**
   * The connection ended over a message that is none. The first time it may have been spoilt on its way: it is asked for
   * again. Met again, with nothing read in between, it is what the host has at that place.
   */
  noteSpoilt(): void {
    if (this.#isSuspect) this.#unreadable++
    this.#isSuspect = true
  }

  /** The host ended the connection for a cause of its own: what could not be read was not what it stumbled over. */
  noteError(): void {
    this.#unreadable = 0
    this.#isSuspect = false
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
    this.#begunMs = this.#clocks.monotonic()
    this.#broken.clear()
    this.#recent.clear()
    this.#highest = 0
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
