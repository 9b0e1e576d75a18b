import type { StreamModel } from '@bgs/simnet/model.ts'
import { StreamChecker, type Verdict } from '@bgs/simnet/stream-checker.ts'
import { webSocketPayload } from '@bgs/simnet/wire.ts'
import { nowMs } from './clock.ts'

/** A message of a stream, without its WebSocket header, and when its last byte was read. */
export interface KeptMessage {
  readonly bytes: Uint8Array
  readonly arrivedMs: number
}

/** All bytes of a subscription, kept to be checked once the clock has stopped: a checker costs as much as a relay. */
export class KeptStream {
  readonly #chunks: Buffer[] = []
  readonly #arrivedMs: number[] = []

  /** Takes a copy of what a subscription has read. */
  readonly keep = (chunk: Uint8Array): void => {
    this.#arrivedMs.push(nowMs())
    this.#chunks.push(Buffer.from(chunk))
  }

  /** Whether each event came once, in its repo's order, with nothing changed but seq and time. */
  checker(model: StreamModel): Verdict {
    const checker = new StreamChecker(model)
    checker.beginConnection(null)
    for (const { bytes } of this.messages()) checker.observe(bytes)
    return checker.verdict()
  }

  /** What has come whole. */
  *messages(): Generator<KeptMessage> {
    const bytes = Buffer.concat(this.#chunks)
    let chunk = 0
    let chunkEnd = this.#chunks[0]?.length ?? 0
    for (let at = 0; at + 10 <= bytes.length; ) {
      const marker = bytes[at + 1] as number
      const end =
        marker < 126
          ? at + 2 + marker
          : marker === 126
            ? at + 4 + bytes.readUInt16BE(at + 2)
            : at + 10 + Number(bytes.readBigUInt64BE(at + 2))
      if (end > bytes.length) return
      while (chunkEnd < end) chunkEnd += this.#chunks[++chunk]?.length ?? 0
      // Data only: a relay may ping meanwhile.
      if (((bytes[at] as number) & 0x0f) === 2)
        yield {
          bytes: webSocketPayload(bytes.subarray(at, end)),
          arrivedMs: this.#arrivedMs[chunk] ?? Number.NaN,
        }
      at = end
    }
  }
}
