import type { SequencedReader } from './sequenced-reader.ts'
import type { SequencedRecord } from './sequenced-record.ts'

/** Places that are remembered: two for each grain of the window, in time and in bytes, and some that were looked at. */
const MAX_MARKS = 2_048

/** What is retained: records that are not older, nor further from the end in bytes. */
export interface RetentionWindow {
  readonly oldestMs: number
  readonly mostBytes: number
  /** Bytes of the whole log up to its end. */
  readonly endBytes: number
  /** How far back behind that records may stay: no more is read to find the edge more closely. */
  readonly grainMs: number
  readonly grainBytes: number
}

/** What is known of a place in the log. */
type Mark = Pick<SequencedRecord, 'offset' | 'timeMs' | 'bytesBefore'>

/**
 * Finds where the window begins. Time and bytes rise with the offset, so it could be found by bisection each time; but each
 * step reads a record, a few MB of them every five seconds. So places are remembered, from what was appended and what was
 * read, and only between two that lie far apart it is read again.
 */
export class WindowEdge {
  /** By offset. */
  #marks: Mark[] = []
  /** Between two marks of what is appended: so that the next one behind is nearer than the grain. */
  #step = { ms: 0, bytes: 0 }

  /** A record was appended. */
  note({ offset, timeMs, bytesBefore }: Mark): void {
    const last = this.#marks.at(-1)
    const isNear =
      last !== undefined &&
      timeMs - last.timeMs < this.#step.ms &&
      bytesBefore - last.bytesBefore < this.#step.bytes
    if (isNear) return
    this.#marks.push({ offset, timeMs, bytesBefore })
    if (this.#marks.length > MAX_MARKS) this.#marks = this.#marks.filter((_, i) => i % 2 === 0)
  }

  /**
   * The first offset from `floor` on, and at most `upTo`, whose record lies in the window, or one before it that is nearer
   * than the grain.
   */
  async find(
    reader: SequencedReader,
    floor: number,
    upTo: number,
    window: RetentionWindow,
    signal: AbortSignal,
  ): Promise<number> {
    this.#step = { ms: window.grainMs / 2, bytes: window.grainBytes / 2 }
    const isBeyond = ({ timeMs, bytesBefore }: Mark) =>
      timeMs < window.oldestMs || window.endBytes - bytesBefore > window.mostBytes
    this.#marks = this.#marks.filter(({ offset }) => offset >= floor)
    if (upTo <= floor) return floor
    // The oldest one there is says whether there is anything to be done.
    if ((this.#marks[0]?.offset ?? upTo) > floor && !(await this.#look(reader, floor, upTo, signal)))
      return floor
    for (;;) {
      const at = this.#marks.findLastIndex((mark) => mark.offset < upTo && isBeyond(mark))
      const beyond = this.#marks[at]
      if (beyond === undefined) return floor
      const within = this.#marks[at + 1]
      const end = Math.min(within?.offset ?? upTo, upTo)
      const isClose =
        within !== undefined &&
        within.timeMs - beyond.timeMs <= window.grainMs &&
        within.bytesBefore - beyond.bytesBefore <= window.grainBytes
      if (end - beyond.offset <= 1) return end
      if (isClose) return beyond.offset
      const middle = Math.floor((beyond.offset + end) / 2)
      if (!(await this.#look(reader, middle, end, signal))) return beyond.offset
    }
  }

  /** Remembers the first record from an offset on; false where there is none before `end`. */
  async #look(reader: SequencedReader, from: number, end: number, signal: AbortSignal): Promise<boolean> {
    const record = await reader.first(from, end, signal)
    if (record === undefined) return false
    const { timeMs, bytesBefore } = record
    // Void ones before it are no younger.
    const mark = { offset: from, timeMs, bytesBefore }
    const at = this.#marks.findIndex(({ offset }) => offset >= from)
    this.#marks.splice(at < 0 ? this.#marks.length : at, 0, mark)
    return true
  }
}
