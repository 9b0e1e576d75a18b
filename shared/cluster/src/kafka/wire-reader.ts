/** Reads a Kafka response in place; the counterpart of WireWriter. Throws RangeError where the bytes end early. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#step(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4))
  }

  int64(): number {
    const value = Number(this.#bytes.readBigInt64BE(this.#step(8)))
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is beyond what is counted exactly`)
    return value
  }

  /** Bytes of no interest. */
  skip(bytes: number): this {
    this.#step(bytes)
    return this
  }

  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#text(length)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#step(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
      if (shift > 28) throw new RangeError('a varint is too long')
    }
  }

  compactString(): string | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.#text(length)
  }

  /** Bytes in place, after an int32 with their number; empty for -1. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const start = this.#step(length)
    return this.#bytes.subarray(start, start + length)
  }

  raw(length: number): Buffer {
    const start = this.#step(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** An array: what `read` gives for each element. */
  array<T>(read: () => T): T[] {
    return this.#many(this.int32(), read)
  }

  compactArray<T>(read: () => T): T[] {
    return this.#many(this.uvarint() - 1, read)
  }

  /** Tagged fields, none of which is known here. */
  tags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint()
      this.#step(this.uvarint())
    }
  }

  #many<T>(count: number, read: () => T): T[] {
    const all: T[] = []
    for (let i = 0; i < count; i++) all.push(read())
    return all
  }

  #text(length: number): string {
    const start = this.#step(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  #step(bytes: number): number {
    const start = this.#at
    if (bytes < 0 || start + bytes > this.#bytes.length) throw new RangeError('a Kafka response ends early')
    this.#at = start + bytes
    return start
  }
}
