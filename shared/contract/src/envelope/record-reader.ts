/** Reads what RecordWriter wrote, in place. Throws RangeError where the bytes end early. */
export class RecordReader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#step(1))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#step(4))
  }

  number(): number {
    return this.#bytes.readDoubleLE(this.#step(8))
  }

  latin1(): string {
    const length = this.#bytes.readUInt16LE(this.#step(2))
    const start = this.#step(length)
    return this.#bytes.toString('latin1', start, start + length)
  }

  utf8(): string | null {
    const length = this.#bytes.readUInt16LE(this.#step(2))
    if (length === 0xffff) return null
    const start = this.#step(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  bytes(length: number): Buffer {
    const start = this.#step(length)
    return this.#bytes.subarray(start, start + length)
  }

  #step(bytes: number): number {
    const start = this.at
    if (start + bytes > this.#bytes.length) throw new RangeError('a record ends early')
    this.at = start + bytes
    return start
  }
}
