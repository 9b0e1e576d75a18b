import { Worker } from 'node:worker_threads'
import { verifyRequest } from './batch.ts'
import type { VerifyReply } from './reply.ts'
import { packRequest, type VerifyItem, type VerifyRequest } from './request.ts'
import { verifyFrame } from './verify-frame.ts'

/** Requests handed to one thread before its replies come: it never waits for the next. */
const DEPTH = 2

interface Waiting {
  readonly request: VerifyRequest
  readonly resolve: (reply: VerifyReply) => void
}

/** Threads that verify batches of frames. With none, batches are verified in this thread. */
export class VerifyPool {
  readonly #threads: { worker: Worker; busy: number }[] = []
  readonly #queue: Waiting[] = []
  readonly #replies = new Map<number, (reply: VerifyReply) => void>()
  readonly #onFault: (error: unknown) => void
  #lastId = 0

  /** `onFault` hears of a thread that ended: the process cannot go on without it. */
  constructor(threads: number, onFault: (error: unknown) => void) {
    this.#onFault = onFault
    for (let i = 0; i < threads; i++) this.#threads.push({ worker: this.#start(i), busy: 0 })
  }

  /** Whether another batch would be begun at once. */
  get hasRoom(): boolean {
    return (
      this.#queue.length === 0 &&
      (this.#threads.length === 0 || this.#threads.some(({ busy }) => busy < DEPTH))
    )
  }

  /** Batches that wait for a thread. */
  get queued(): number {
    return this.#queue.length
  }

  /** Judges a batch; use `readVerdict` on the reply. */
  verify(items: readonly VerifyItem[], nowMs: number): Promise<VerifyReply> {
    const request = packRequest(++this.#lastId, items, nowMs)
    if (this.#threads.length === 0) return Promise.resolve(verifyRequest(request, verifyFrame))
    return new Promise((resolve) => {
      this.#queue.push({ request, resolve })
      this.#hand()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()))
  }

  #start(index: number): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: `verify-${index}`,
      // Its garbage is short-lived; a larger nursery only holds more of it.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    })
    worker.on('error', this.#onFault)
    worker.on('exit', (code) => {
      if (this.#threads.length > 0) this.#onFault(new Error(`a judging thread ended with code ${code}`))
    })
    worker.on('message', (reply: VerifyReply) => {
      const thread = this.#threads[index]
      if (thread !== undefined) thread.busy--
      const resolve = this.#replies.get(reply.id)
      this.#replies.delete(reply.id)
      this.#hand()
      resolve?.(reply)
    })
    return worker
  }

  #hand(): void {
    while (this.#queue.length > 0) {
      const thread = this.#threads.reduce((least, other) => (other.busy < least.busy ? other : least))
      if (thread.busy >= DEPTH) return
      const { request, resolve } = this.#queue.shift() as Waiting
      thread.busy++
      this.#replies.set(request.id, resolve)
      thread.worker.postMessage(request, [request.frames.buffer, request.ints.buffer])
    }
  }
}
