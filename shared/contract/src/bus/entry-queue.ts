/** Taken entries are let go of in blocks of so many. */
const BLOCK = 4_096

/** First in, first out, taken many at a time. */
export class EntryQueue<T> {
  #entries: T[] = []
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  /** The oldest, at most `limit`. */
  take(limit: number): T[] {
    const end = Math.min(this.#entries.length, this.#head + limit)
    const taken = this.#entries.slice(this.#head, end)
    this.#head = end
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    } else if (this.#head > BLOCK) {
      this.#entries.splice(0, this.#head)
      this.#head = 0
    }
    return taken
  }

  /** Lets go of those that are not to be kept. */
  keep(which: (entry: T) => boolean): void {
    this.#entries = this.#entries.slice(this.#head).filter(which)
    this.#head = 0
  }
}
