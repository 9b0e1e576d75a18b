import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** Read from the log at once: little at first, more for one that takes it quickly. */
const FIRST_BYTES = 64 * 1024
const MOST_BYTES = 512 * 1024
/** A part that left the socket within so long was taken quickly. */
const QUICK_MS = 50

/** A buffer that is read into again and again: memory that stays in the processor's caches costs half. */
interface Part {
  buffer: Buffer
  /** Resolves when what was read into it has left the socket. */
  sent: Promise<void>
}

export interface ReplayParts {
  readonly log: LogReader
  /** Writes batches to the socket; calls back when all of their bytes have left it, or never will. */
  readonly write: (batches: readonly LogBatch[], onSent: () => void) => void
}

/**
 * What one subscriber reads from the log while it is behind the window in memory: two parts in turn, so that one is read
 * while the other is sent, and never more than both. A subscriber that reads slowly holds little.
 */
export class Replay {
  readonly #parts: ReplayParts
  #bytes = FIRST_BYTES
  #next: Part = newPart(FIRST_BYTES)
  #other: Part = newPart(FIRST_BYTES)

  constructor(parts: ReplayParts) {
    this.#parts = parts
  }

  /** Reads and writes one part from a seq on; resolves to the seq behind it, or to undefined at the end of the log. */
  async step(fromSeq: number): Promise<number | undefined> {
    const part = this.#next
    await part.sent
    // Smaller again for one that has become slow: as much as there is room for is read.
    if (part.buffer.length !== this.#bytes) part.buffer = Buffer.allocUnsafeSlow(this.#bytes)
    const batches = await this.#parts.log.read(fromSeq, this.#bytes, part.buffer)
    const last = batches.at(-1)
    if (last === undefined) return undefined
    this.#next = this.#other
    this.#other = part
    part.sent = this.#send(batches)
    return last.lastSeq + 1
  }

  #send(batches: readonly LogBatch[]): Promise<void> {
    const startedMs = monotonicMs()
    return new Promise((resolve) => {
      this.#parts.write(batches, () => {
        const isQuick = monotonicMs() - startedMs < QUICK_MS
        this.#bytes = isQuick ? Math.min(MOST_BYTES, this.#bytes * 2) : FIRST_BYTES
        resolve()
      })
    })
  }
}

function newPart(bytes: number): Part {
  return { buffer: Buffer.allocUnsafeSlow(bytes), sent: Promise.resolve() }
}
