interface Segment {
  readonly base: number
  bytes: number
}

/** How large the files of a partition are: only whole ones go from the disk, and the one that is written never does. */
export class Segments {
  readonly #all: Segment[] = [{ base: 0, bytes: 0 }]

  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  append(base: number, bytes: number, segmentBytes: number): void {
    let last = this.#last
    if (last.bytes > 0 && last.bytes + bytes > segmentBytes) {
      last = { base, bytes: 0 }
      this.#all.push(last)
    }
    last.bytes += bytes
  }

  /** All before this offset may go. */
  trim(offset: number): void {
    while ((this.#all[1]?.base ?? Number.POSITIVE_INFINITY) <= offset) this.#all.shift()
  }

  /** So many bytes go from the end. */
  cut(bytes: number): void {
    for (let left = bytes; left > 0; ) {
      const last = this.#last
      const gone = Math.min(left, last.bytes)
      last.bytes -= gone
      left -= gone
      if (last.bytes > 0 || this.#all.length === 1) return
      this.#all.pop()
    }
  }

  get #last(): Segment {
    return this.#all.at(-1) as Segment
  }
}
