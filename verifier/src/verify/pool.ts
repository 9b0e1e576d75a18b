import { Worker } from 'node:worker_threads'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { verifyItems } from './batch.ts'
import type { VerifyReply } from './reply.ts'
import { packRequest, type VerifyItem, type VerifyRequest } from './request.ts'
import { verifyFrame } from './verify-frame.ts'

/** Requests handed to one thread before its replies come: it never waits for the next. */
const DEPTH = 2
/**
 * A batch of so few frames and bytes is verified in this thread: to wake another one costs as much as to verify several
 * frames, and nothing waits for longer than a few milliseconds meanwhile.
 */
const SMALL_FRAMES = 32
const SMALL_BYTES = 128 * 1024
/** A frame that is larger never is: what a stranger has made to take long must not hold up all else. */
const SMALL_FRAME_BYTES = 64 * 1024
/** Threads that had nothing to do for so long are ended, for each has a heap of its own. */
const IDLE_MS = 60_000
/** A thread that does not end by itself within so long is ended. */
const END_MS = 5_000

interface Waiting {
  readonly request: VerifyRequest
  readonly resolve: (reply: VerifyReply) => void
}

/** What a thread says: a reply, or null once, when it is ready. */
export type FromThread = VerifyReply | null
/** What it is sent: a request, or null: it is to end behind those before it. */
export type ToThread = VerifyRequest | null

interface Thread {
  readonly worker: Worker
  busy: number
  isReady: boolean
  isEnding: boolean
}

export interface VerifyPoolOptions {
  /** Threads at most; 0: all is verified in this one. */
  readonly threads: number
  /** Whether they are for floods, too, and not for large frames alone; default true. */
  readonly isForFloods?: boolean
  /** Hears of one that ended: the process cannot go on without it. */
  readonly onFault: (error: unknown) => void
  /** Default a minute. */
  readonly idleMs?: number
}

/**
 * Verifies batches of frames, small ones in this thread. Larger ones are what comes of a flood, or have a large frame:
 * threads are begun for them, verify them from when they are ready, and are ended a while after the last one.
 */
export class VerifyPool {
  readonly #most: number
  readonly #isForFloods: boolean
  #threads: Thread[] = []
  readonly #queue: Waiting[] = []
  readonly #replies = new Map<number, (reply: VerifyReply) => void>()
  readonly #onFault: (error: unknown) => void
  readonly #idleMs: number
  #lastId = 0
  /** When a thread was last handed a batch, on the clock of `monotonicMs`. */
  #handedMs = 0

  constructor({ threads, isForFloods = true, onFault, idleMs = IDLE_MS }: VerifyPoolOptions) {
    this.#most = threads
    this.#isForFloods = isForFloods
    this.#onFault = onFault
    this.#idleMs = idleMs
  }

  /** Whether another batch would be begun at once. */
  get hasRoom(): boolean {
    return this.#queue.length === 0 && (!this.#isThreaded || this.#least.busy < DEPTH)
  }

  /** Batches that wait for a thread. */
  get queued(): number {
    return this.#queue.length
  }

  /** Threads that there are now. */
  get threads(): number {
    return this.#threads.length
  }

  /** Judges a batch; use `readVerdict` on the reply. */
  verify(items: readonly VerifyItem[], nowMs: number): Promise<VerifyReply> {
    const isSmall = isSmallBatch(items, this.#isForFloods)
    if (!isSmall) this.#begin()
    const isIdle = this.#queue.length === 0 && this.#replies.size === 0
    if (!this.#isThreaded || (isSmall && isIdle)) {
      if (isSmall && isIdle) this.#endIdle()
      return Promise.resolve(verifyItems(items, nowMs, verifyFrame))
    }
    const request = packRequest(++this.#lastId, items, nowMs)
    return new Promise((resolve) => {
      this.#queue.push({ request, resolve })
      this.#hand()
    })
  }

  /** Ends the threads, once they are through with what they have in hand. */
  async close(): Promise<void> {
    await this.#end()
  }

  /** Of them those that verify. */
  get readyThreads(): number {
    return this.#threads.filter(({ isReady }) => isReady).length
  }

  get #isThreaded(): boolean {
    return this.#threads.some(({ isReady }) => isReady)
  }

  /** Of the threads that are ready the one with least to do. */
  get #least(): Thread {
    return this.#threads
      .filter(({ isReady }) => isReady)
      .reduce((least, other) => (other.busy < least.busy ? other : least))
  }

  #begin(): void {
    this.#handedMs = monotonicMs()
    while (this.#threads.length < this.#most) this.#threads.push(this.#start(this.#threads.length))
  }

  /** Nothing is in hand: ends threads that had nothing for long. */
  #endIdle(): void {
    if (this.#threads.length > 0 && monotonicMs() - this.#handedMs > this.#idleMs) void this.#end()
  }

  async #end(): Promise<void> {
    const threads = this.#threads
    this.#threads = []
    await Promise.all(threads.map(endThread))
  }

  #start(index: number): Thread {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: `verify-${index}`,
      // Its garbage is short-lived; a larger nursery only holds more of it.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    })
    const thread: Thread = { worker, busy: 0, isReady: false, isEnding: false }
    worker.on('error', this.#onFault)
    worker.on('exit', (code) => {
      if (!thread.isEnding) this.#onFault(new Error(`a judging thread ended with code ${code}`))
    })
    worker.on('message', (reply: FromThread) => {
      if (reply === null) {
        thread.isReady = true
        return
      }
      thread.busy--
      const resolve = this.#replies.get(reply.id)
      this.#replies.delete(reply.id)
      this.#hand()
      resolve?.(reply)
    })
    return thread
  }

  #hand(): void {
    while (this.#queue.length > 0 && this.#isThreaded) {
      const thread = this.#least
      if (thread.busy >= DEPTH) return
      const { request, resolve } = this.#queue.shift() as Waiting
      thread.busy++
      this.#replies.set(request.id, resolve)
      thread.worker.postMessage(request, [request.frames.buffer, request.ints.buffer])
    }
  }
}

/** By itself: one that is terminated while it loads its code now and then takes the process with it. */
function endThread(thread: Thread): Promise<void> {
  const { worker } = thread
  thread.isEnding = true
  return new Promise((resolve) => {
    const late = setTimeout(() => worker.terminate().then(() => resolve()), END_MS)
    worker.once('exit', () => {
      clearTimeout(late)
      resolve()
    })
    worker.postMessage(null satisfies ToThread)
  })
}

/** `isBounded`: as a whole, and not in each of its frames alone. */
function isSmallBatch(items: readonly VerifyItem[], isBounded: boolean): boolean {
  if (isBounded && items.length > SMALL_FRAMES) return false
  let bytes = 0
  for (const { envelope } of items) {
    if (envelope.frame.length > SMALL_FRAME_BYTES) return false
    bytes += envelope.frame.length
  }
  return !isBounded || bytes <= SMALL_BYTES
}
