import type { Raw } from './outcomes.ts'
import type { VerifyReply } from './verify/reply.ts'
import type { VerifyItem } from './verify/request.ts'

/** Frames that are judged together. */
export interface Batch {
  readonly number: number
  readonly raws: readonly Raw[]
  readonly items: readonly VerifyItem[]
}

interface OpenBatch extends Batch {
  reply: VerifyReply | undefined
}

export interface BatchParts {
  readonly verify: (items: readonly VerifyItem[]) => Promise<VerifyReply>
  readonly finish: (batch: Batch, reply: VerifyReply) => void
  readonly onFault: (error: unknown) => void
}

/** Batches that are being judged. They are finished in the order in which they were handed over, whatever thread was first. */
export class Batches {
  /** Number of the one that was handed over last. */
  submitted = 0
  readonly #parts: BatchParts
  readonly #open: OpenBatch[] = []
  #finished = 0
  #waiters: { number: number; resolve: () => void }[] = []
  #isEnded = false

  constructor(parts: BatchParts) {
    this.#parts = parts
  }

  /** Batches that are not finished. */
  get open(): number {
    return this.#open.length
  }

  /** Hands a batch over to be judged. */
  submit(raws: readonly Raw[], items: readonly VerifyItem[]): void {
    const batch: OpenBatch = { number: ++this.submitted, raws, items, reply: undefined }
    this.#open.push(batch)
    this.#parts.verify(items).then((reply) => {
      batch.reply = reply
      this.#finish()
    }, this.#parts.onFault)
  }

  /** Resolves when all up to the one of this number are finished. */
  through(number: number): Promise<void> {
    if (this.#finished >= number) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ number, resolve }))
  }

  /** From here on none is finished. */
  end(): void {
    this.#isEnded = true
  }

  #finish(): void {
    if (this.#isEnded) return
    for (let batch = this.#open[0]; batch?.reply !== undefined; batch = this.#open[0]) {
      this.#open.shift()
      this.#parts.finish(batch, batch.reply)
      this.#finished = batch.number
    }
    this.#waiters = this.#waiters.filter(({ number, resolve }) => {
      if (number > this.#finished) return true
      resolve()
      return false
    })
  }
}
