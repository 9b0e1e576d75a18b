/** Longest header of an unmasked WebSocket frame (RFC 6455 5.2). */
const HEADER_BYTES = 10

const CLOSE = 8
const PING = 9

/**
 * Counts the messages of a WebSocket as a server sends them, in whatever pieces they come, and looks at nothing but
 * their headers: what reads a stream here must cost less than what sends it.
 */
export class FrameCounter {
  /** Data messages that have come whole. */
  messages = 0
  /** Bytes of their payloads. */
  bytes = 0
  pings = 0
  /** Whether a close frame has come. */
  closed = false
  /** What is missing of the frame that has begun. */
  #left = 0
  #first = 0
  #size = 0
  /** The beginning of a header that was cut. */
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #holds = 0

  /** Takes the first `length` bytes of `chunk`. */
  take(chunk: Uint8Array, length: number): void {
    let at = 0
    while (at < length) {
      if (this.#left > 0) {
        const some = Math.min(this.#left, length - at)
        at += some
        this.#left -= some
        if (this.#left === 0) this.#end()
      } else if (this.#holds === 0 && length - at >= HEADER_BYTES) at += this.#begin(chunk, at)
      else {
        this.#header[this.#holds++] = chunk[at++] as number
        if (this.#holds >= 2 && this.#holds === headerBytes(this.#header[1] as number)) {
          this.#holds = 0
          this.#begin(this.#header, 0)
        }
      }
    }
  }

  /** Reads the header at `at`; returns its length. */
  #begin(bytes: Uint8Array, at: number): number {
    this.#first = bytes[at] as number
    const marker = (bytes[at + 1] as number) & 0x7f
    this.#size =
      marker < 126
        ? marker
        : marker === 126
          ? ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
          : new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(6)
    this.#left = this.#size
    if (this.#left === 0) this.#end()
    return headerBytes(marker)
  }

  #end(): void {
    const opcode = this.#first & 0x0f
    if (opcode === PING) this.pings++
    else if (opcode === CLOSE) this.closed = true
    else if (opcode < CLOSE) {
      this.bytes += this.#size
      // The last fragment makes the message.
      if (this.#first & 0x80) this.messages++
    }
  }
}

function headerBytes(marker: number): number {
  const size = marker & 0x7f
  return size < 126 ? 2 : size === 126 ? 4 : HEADER_BYTES
}
