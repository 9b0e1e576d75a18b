import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { webSocketHeader, webSocketHeaderLength } from '@bgs/contract/log/websocket-header.ts'
import type { FanoutMetrics } from '../metrics.ts'
import { FrameDeflater } from './frame-deflater.ts'

/**
 * Batches of the window with compressed frames, for the subscribers that asked for it: each made once, when the first of
 * them gets to it, and kept as long as the batch itself. Batches read from the log are served as they are: a message need
 * not be compressed.
 */
export class DeflatedBatches {
  readonly #made = new WeakMap<LogBatch, LogBatch>()
  readonly #making = new Map<LogBatch, Promise<void>>()
  readonly #deflater = new FrameDeflater()
  readonly #metrics: Pick<FanoutMetrics, 'deflated'>
  #last: Promise<void> = Promise.resolve()

  constructor(metrics: Pick<FanoutMetrics, 'deflated'>) {
    this.#metrics = metrics
  }

  /** The batch with compressed frames, if it is made. */
  get(batch: LogBatch): LogBatch | undefined {
    return this.#made.get(batch)
  }

  /** Resolves when `get` has it. */
  make(batch: LogBatch): Promise<void> {
    const making = this.#making.get(batch)
    if (making !== undefined) return making
    const made = this.#last.then(() => this.#make(batch)).finally(() => this.#making.delete(batch))
    this.#making.set(batch, made)
    this.#last = made.catch(() => undefined)
    return made
  }

  async #make(batch: LogBatch): Promise<void> {
    const messages: Buffer[] = []
    for (let i = 0; i < batch.count; i++) {
      if (batch.frameBytes(i) === 0) {
        messages.push(Buffer.alloc(0))
        continue
      }
      const payload = await this.#deflater.deflate(batch.payload(i))
      messages.push(deflatedMessage(payload))
      this.#metrics.deflated.inc()
    }
    this.#made.set(batch, batch.withMessages(messages))
  }
}

function deflatedMessage(payload: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(webSocketHeaderLength(payload.length) + payload.length)
  message.set(payload, webSocketHeader(message, 0, payload.length, true))
  return message
}
