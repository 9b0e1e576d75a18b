import { Worker } from 'node:worker_threads'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import type { SubscriberInfo, SubscriberList } from '@bgs/contract/subscribers.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { SharedBatch } from './log-replica.ts'
import type { MainUpdate, ThreadStart, ThreadUpdate, ToMain, ToThread } from './messages.ts'
import { PortRpc } from './port-rpc.ts'
import type { ServeParts, Serving } from './serving.ts'
import { ThreadFeed } from './thread-feed.ts'

/** What changes without a batch (trimmed segments, readiness) is told so often. */
const POST_EVERY_MS = 250
/** Of batches on their way to one thread. */
const FEED_BYTES = 32 * 1024 * 1024
/** For a thread to tell its metrics. */
const METRICS_MS = 2_000
/** For a thread to send its subscribers away. */
const CLOSE_MS = 3_000

interface Thread {
  readonly worker: Worker
  readonly calls: PortRpc<ToMain, ThreadUpdate, ToThread, MainUpdate>
  readonly feed: ThreadFeed
}

/**
 * Several threads that share the listening port: the kernel gives each its share of the connections. This thread tells
 * them what is committed to the log, in memory that all of them share, and answers XRPC, for it has the database.
 */
export class ThreadedServer implements Serving {
  readonly #parts: ServeParts
  readonly #threads: readonly Thread[]
  readonly #posting: NodeJS.Timeout
  readonly #unfollow: () => void
  #closing = false

  constructor(parts: ServeParts) {
    this.#parts = parts
    const { log, takedowns, notReady, logLevel, trustedProxies, limits, deflate } = parts
    const start = {
      logLevel,
      trustedProxies,
      limits,
      deflate,
      log: { ...log.files, bounds: log.bounds() },
      takedowns: takedowns.dids,
      notReady: notReady(),
    }
    this.#threads = Array.from({ length: parts.threads }, (_, index) => this.#start({ ...start, index }))
    this.#unfollow = log.tail((batch) => {
      takedowns.follow(batch)
      const memory = shared(batch)
      for (const { feed } of this.#threads) feed.committed(memory)
    })
    this.#posting = setInterval(() => {
      for (const { feed } of this.#threads) feed.refresh()
    }, POST_EVERY_MS)
  }

  async listen(port: number, host: string): Promise<number> {
    let bound = port
    for (const { calls } of this.#threads)
      bound = await calls.ask<number>({ what: 'listen', port: bound, host })
    return bound
  }

  get lastReceivedMs(): number {
    return Math.min(...this.#threads.map(({ feed }) => feed.lastReceivedMs))
  }

  get feedBytes(): number {
    return this.#threads.reduce((sum, { feed }) => sum + feed.outstandingBytes, 0)
  }

  /** A thread that does not answer is left out: all other metrics, the age of its heartbeat among them, must be had. */
  async threadRegistry(): Promise<Registry> {
    const asked = this.#threads.map(({ calls }) =>
      Promise.race([calls.ask<object>({ what: 'metrics' }), wait(METRICS_MS).then(() => undefined)]),
    )
    const all = (await Promise.all(asked)).filter((metrics) => metrics !== undefined)
    return AggregatorRegistry.aggregate(all)
  }

  /** Those of all threads. */
  readonly subscribers: SubscriberList = {
    list: async () => {
      const lists = this.#threads.map(({ calls }) => calls.ask<SubscriberInfo[]>({ what: 'subscribers' }))
      return (await Promise.all(lists)).flat()
    },
    disconnect: async (id) => {
      await Promise.all(this.#threads.map(({ calls }) => calls.ask<void>({ what: 'disconnect', id })))
    },
  }

  async close(): Promise<void> {
    this.#closing = true
    const closed = Promise.all(this.#threads.map(({ calls }) => calls.ask<void>({ what: 'close' })))
    await Promise.race([closed, wait(CLOSE_MS)])
    this.#unfollow()
    clearInterval(this.#posting)
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #start(start: ThreadStart): Thread {
    const worker = new Worker(new URL('./thread.ts', import.meta.url), {
      name: `fanout-${start.index}`,
      workerData: start,
    })
    worker.on('error', this.#parts.onFault)
    worker.on('exit', (code) => {
      if (!this.#closing) this.#parts.onFault(new Error(`a serving thread ended with code ${code}`))
    })
    const calls = new PortRpc<ToMain, ThreadUpdate, ToThread, MainUpdate>(worker, {
      onQuestion: (question) => this.#answer(question),
      onPost: ({ taken }) => feed.taken(taken),
    })
    const { log, takedowns, notReady } = this.#parts
    const post = (update: MainUpdate) => calls.post(update)
    const feed = new ThreadFeed({ log, takedowns, notReady, post, maxBytes: FEED_BYTES })
    return { worker, calls, feed }
  }

  #answer(question: ToMain): Promise<unknown> {
    if (question.what === 'head') return this.#parts.log.head()
    const { nsid, params, address, body } = question
    return this.#parts.call(nsid, { params: new URLSearchParams(params), address, body })
  }
}

/** One copy for all threads. */
function shared({ bytes, firstSeq }: LogBatch): SharedBatch {
  const memory = new SharedArrayBuffer(bytes.length)
  Buffer.from(memory).set(bytes)
  return { bytes: memory, firstSeq }
}
