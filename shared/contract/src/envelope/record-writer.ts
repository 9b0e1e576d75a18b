/**
 * Writes the fixed head and the texts of what travels in one Kafka record. Little-endian, grows as it is written; a
 * text has two bytes of length in front, 0xffff for null.
 */
export class RecordWriter {
  #bytes: Buffer
  #at = 0

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafe(bytes)
  }

  get length(): number {
    return this.#at
  }

  /** What was written, in place. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  u8(value: number): this {
    this.#at = this.#room(1).writeUInt8(value, this.#at)
    return this
  }

  u32(value: number): this {
    this.#at = this.#room(4).writeUInt32LE(value, this.#at)
    return this
  }

  /** Any safe integer. */
  number(value: number): this {
    this.#at = this.#room(8).writeDoubleLE(value, this.#at)
    return this
  }

  /** ASCII, or bytes in a latin1 string. Throws RangeError on more than 65,534. */
  latin1(value: string): this {
    return this.#text(value, value.length, 'latin1')
  }

  /** What came from outside, or null. */
  utf8(value: string | null): this {
    if (value !== null) return this.#text(value, Buffer.byteLength(value), 'utf8')
    this.#at = this.#room(2).writeUInt16LE(0xffff, this.#at)
    return this
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length).set(value, this.#at)
    this.#at += value.length
    return this
  }

  #text(value: string, length: number, encoding: 'latin1' | 'utf8'): this {
    if (length >= 0xffff) throw new RangeError(`a text of ${length} bytes`)
    const room = this.#room(length + 2)
    this.#at = room.writeUInt16LE(length, this.#at)
    this.#at += room.write(value, this.#at, encoding)
    return this
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
      this.#bytes.copy(larger, 0, 0, this.#at)
      this.#bytes = larger
    }
    return this.#bytes
  }
}
