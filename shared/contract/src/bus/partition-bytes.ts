/** Places of one partition that are remembered. */
const MAX_MARKS = 256

/** Up to an offset so many bytes were appended since the first mark. */
interface Mark {
  readonly offset: number
  readonly bytes: number
}

/**
 * Bytes of one partition by offset, from what a broker says now and then: where it ends, and how large its files are. These
 * grow by what is appended; what is consumed leaves them some time later, a whole segment at once.
 */
export class PartitionBytes {
  readonly #segmentBytes: number
  #marks: Mark[] = []
  #size: number | undefined
  /** Of the files at the first mark. */
  #firstSize: number | undefined

  /** `segmentBytes`: of one file, as large as what is consumed and not removed yet. */
  constructor(segmentBytes: number) {
    this.#segmentBytes = segmentBytes
  }

  /** It ends at an offset, its files have this size, if that is known; `mean` is what a record has on average. */
  note(end: number, size: number | undefined, mean: number): void {
    const last = this.#marks.at(-1)
    const grown = size === undefined || this.#size === undefined ? 0 : size - this.#size
    this.#size = size
    if (last === undefined || end < last.offset) {
      this.#marks = [{ offset: end, bytes: 0 }]
      this.#firstSize = size
    } else if (end > last.offset) {
      // A segment was removed meanwhile, or nothing is known of the files.
      const bytes = grown > 0 ? grown : (end - last.offset) * mean
      this.#marks.push({ offset: end, bytes: last.bytes + bytes })
      // Of all but the first and the last every second.
      if (this.#marks.length > MAX_MARKS)
        this.#marks = this.#marks.filter((_, i) => i % 2 === 0 || i === this.#marks.length - 1)
    }
  }

  /** Whether something from this offset on was there before the first mark: then its bytes are not known. */
  isOlder(from: number): boolean {
    return from < (this.#marks[0]?.offset ?? 0)
  }

  /** Bytes from an offset on; what lies before it is forgotten. */
  above(from: number, mean: number): number {
    while ((this.#marks[1]?.offset ?? Number.POSITIVE_INFINITY) <= from) {
      this.#marks.shift()
      this.#firstSize = undefined
    }
    const [first, second] = this.#marks
    const last = this.#marks.at(-1)
    if (first === undefined || last === undefined || from >= last.offset) return 0
    const since = last.bytes - first.bytes
    if (from < first.offset) return since + this.#older((first.offset - from) * mean)
    const share = (from - first.offset) / ((second as Mark).offset - first.offset)
    return since - share * ((second as Mark).bytes - first.bytes)
  }

  /** Reckoned bytes before the first mark, within what the files can hold of it. */
  #older(reckoned: number): number {
    if (this.#firstSize === undefined) return reckoned
    return Math.min(this.#firstSize, Math.max(reckoned, this.#firstSize - this.#segmentBytes))
  }
}
