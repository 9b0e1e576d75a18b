import type { Pack } from '@bgs/contract/log/pack.ts'
import { webSocketHeader, webSocketHeaderLength } from '@bgs/contract/log/websocket-header.ts'
import type { FanoutMetrics } from '../metrics.ts'
import { FrameDeflater } from './frame-deflater.ts'

/**
 * Packs of the window with compressed frames, for the subscribers that asked for it: each made once, when the first of
 * them gets to it, and kept as long as the pack itself. Packs read from the log are served as they are: a message need
 * not be compressed.
 */
export class DeflatedPacks {
  readonly #made = new WeakMap<Pack, Pack>()
  readonly #making = new Map<Pack, Promise<void>>()
  readonly #deflater = new FrameDeflater()
  readonly #metrics: Pick<FanoutMetrics, 'deflated'>
  #last: Promise<void> = Promise.resolve()

  constructor(metrics: Pick<FanoutMetrics, 'deflated'>) {
    this.#metrics = metrics
  }

  /** The pack with compressed frames, if it is made. */
  get(pack: Pack): Pack | undefined {
    return this.#made.get(pack)
  }

  /** Resolves when `get` has it. */
  make(pack: Pack): Promise<void> {
    const making = this.#making.get(pack)
    if (making !== undefined) return making
    const made = this.#last.then(() => this.#make(pack)).finally(() => this.#making.delete(pack))
    this.#making.set(pack, made)
    this.#last = made.catch(() => undefined)
    return made
  }

  async #make(pack: Pack): Promise<void> {
    const messages: Buffer[] = []
    for (let i = 0; i < pack.count; i++) {
      if (pack.frameBytes(i) === 0) {
        messages.push(Buffer.alloc(0))
        continue
      }
      const payload = await this.#deflater.deflate(pack.payload(i))
      messages.push(deflatedMessage(payload))
      this.#metrics.deflated.inc()
    }
    this.#made.set(pack, pack.withMessages(messages))
  }
}

function deflatedMessage(payload: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(webSocketHeaderLength(payload.length) + payload.length)
  message.set(payload, webSocketHeader(message, 0, payload.length, true))
  return message
}
