/**
 * Writes the body of one Kafka request (Kafka protocol guide, "Protocol Primitive Types"): big-endian integers,
 * strings and arrays with their length in front; `compact` forms have length + 1 as an unsigned varint.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(256)
  #at = 0

  /** What was written. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  int8(value: number): this {
    this.#at = this.#room(1).writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#at = this.#room(2).writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#at = this.#room(4).writeInt32BE(value, this.#at)
    return this
  }

  int64(value: number): this {
    this.#at = this.#room(8).writeBigInt64BE(BigInt(value), this.#at)
    return this
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    this.int16(length)
    this.#at += this.#room(length).write(value, this.#at)
    return this
  }

  uvarint(value: number): this {
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.#at = this.#room(1).writeUInt8((rest & 0x7f) | 0x80, this.#at)
    return this.int8(rest)
  }

  compactString(value: string): this {
    const length = Buffer.byteLength(value)
    this.uvarint(length + 1)
    this.#at += this.#room(length).write(value, this.#at)
    return this
  }

  /** So many zero bytes. */
  zeros(count: number): this {
    this.#room(count).fill(0, this.#at, this.#at + count)
    this.#at += count
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
