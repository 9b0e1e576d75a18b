import { Worker } from 'node:worker_threads'
import { judgeRequest } from './batch.ts'
import { judgeFrame } from './judge.ts'
import type { JudgeReply } from './reply.ts'
import { type JudgeItem, type JudgeRequest, packRequest } from './request.ts'

/** Requests handed to one thread before its replies come: it never waits for the next. */
const DEPTH = 2

interface Waiting {
  readonly request: JudgeRequest
  readonly resolve: (reply: JudgeReply) => void
}

/** Threads that judge batches of frames. With none, batches are judged in this thread. */
export class JudgePool {
  readonly #threads: { worker: Worker; busy: number }[] = []
  readonly #queue: Waiting[] = []
  readonly #replies = new Map<number, (reply: JudgeReply) => void>()
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

  /** Judges a batch; use `readJudgement` on the reply. */
  judge(items: readonly JudgeItem[], nowMs: number): Promise<JudgeReply> {
    const request = packRequest(++this.#lastId, items, nowMs)
    if (this.#threads.length === 0) return Promise.resolve(judgeRequest(request, judgeFrame))
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
      name: `judge-${index}`,
      // Its garbage is short-lived; a larger nursery only holds more of it.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    })
    worker.on('error', this.#onFault)
    worker.on('exit', (code) => {
      if (this.#threads.length > 0) this.#onFault(new Error(`a judging thread ended with code ${code}`))
    })
    worker.on('message', (reply: JudgeReply) => {
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
