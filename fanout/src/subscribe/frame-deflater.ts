import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib'

/** The cheapest level: most of a frame's bytes are hashes and signatures, which none makes smaller. */
const LEVEL = 1
/** What a flush leaves at the end, and RFC 7692 (7.2.1) leaves out. */
const TAIL_BYTES = 4

/**
 * Compresses payloads of WebSocket messages as permessage-deflate without context takeover has it (RFC 7692): each by
 * itself, so that one result serves every subscriber. One stream, flushed and emptied of its memory after each payload,
 * for to set one up costs more than to compress; in libuv's threads.
 */
export class FrameDeflater {
  readonly #stream: DeflateRaw = createDeflateRaw({ level: LEVEL })
  #chunks: Buffer[] = []

  constructor() {
    this.#stream.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
  }

  /** One call at a time. */
  deflate(payload: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#chunks = []
      this.#stream.once('error', reject)
      this.#stream.write(payload)
      this.#stream.flush(constants.Z_FULL_FLUSH, () => {
        this.#stream.off('error', reject)
        const bytes = Buffer.concat(this.#chunks)
        resolve(bytes.subarray(0, bytes.length - TAIL_BYTES))
      })
    })
  }
}
