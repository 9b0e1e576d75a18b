import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import type { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Takedowns } from '../takedowns.ts'
import { Client, did, entry, freeLimits, openLog } from '../testing/scene.ts'
import type { MainUpdate, ThreadStart, ThreadUpdate, ToMain, ToThread } from './messages.ts'
import { PortRpc } from './port-rpc.ts'
import { serveFollowing } from './serve-following.ts'
import { ThreadFeed } from './thread-feed.ts'

const FRAME_BYTES = 60_000
const MAX_BYTES = 32 * FRAME_BYTES

let opened: Awaited<ReturnType<typeof openLog>>
let log: SegmentLog
let thread: FedThread
const clients: Client[] = []
beforeEach(async () => {
  opened = await openLog({ segmentBytes: 500_000, retentionBytes: 1e9 })
  log = opened.log
  for (let i = 0; i < 10; i++) await log.append([entry(i)])
  thread = await FedThread.start(log)
})
afterEach(async () => {
  for (const { ws } of clients.splice(0)) ws.terminate()
  await thread.close()
  await opened.close()
})

/** What a serving thread runs, fed through a port that can be paused: then it is a thread that takes nothing. */
class FedThread {
  readonly feed: ThreadFeed
  readonly takedowns = new Takedowns()
  readonly #calls: PortRpc<ToMain, ThreadUpdate, ToThread, MainUpdate>
  readonly #ports: MessagePort[]
  readonly #toThread: MessagePort
  readonly #parked: unknown[] = []
  isPaused = false
  /** Of batches, in what is parked. */
  parkedBytes = 0
  port = 0

  private constructor() {
    const near = new MessageChannel()
    const far = new MessageChannel()
    this.#toThread = far.port1
    this.#ports = [near.port1, near.port2, far.port1, far.port2]
    near.port2.on('message', (message: { body?: MainUpdate }) => {
      if (!this.isPaused) return far.port1.postMessage(message)
      this.#parked.push(message)
      this.parkedBytes += message.body?.log?.batch?.bytes.byteLength ?? 0
    })
    far.port1.on('message', (message) => near.port2.postMessage(message))
    this.#calls = new PortRpc<ToMain, ThreadUpdate, ToThread, MainUpdate>(near.port1, {
      onQuestion: async () => log.head(),
      onPost: ({ taken }) => this.feed.taken(taken),
    })
    const { takedowns } = this
    this.feed = new ThreadFeed({
      log,
      takedowns,
      notReady: () => undefined,
      post: (update) => this.#calls.post(update),
      maxBytes: MAX_BYTES,
    })
    log.tail((batch) => {
      takedowns.follow(batch)
      this.feed.committed(copied(batch))
    })
    serveFollowing(far.port2, startOf(log))
  }

  static async start(of: SegmentLog): Promise<FedThread> {
    log = of
    const started = new FedThread()
    started.port = await started.#calls.ask<number>({ what: 'listen', port: 0, host: '127.0.0.1' })
    return started
  }

  letGo(): void {
    this.isPaused = false
    for (const message of this.#parked.splice(0)) this.#toThread.postMessage(message)
  }

  async close(): Promise<void> {
    this.letGo()
    await this.#calls.ask({ what: 'close' })
    for (const port of this.#ports) port.close()
  }
}

function startOf(of: SegmentLog): ThreadStart {
  return {
    index: 0,
    logLevel: 'silent',
    trustedProxies: [],
    limits: freeLimits(),
    deflate: false,
    log: { ...of.files, bounds: of.bounds() },
    takedowns: [],
    notReady: undefined,
  }
}

function copied({ bytes, firstSeq }: LogBatch) {
  const memory = new SharedArrayBuffer(bytes.length)
  Buffer.from(memory).set(bytes)
  return { bytes: memory, firstSeq }
}

function connect(cursor?: number): Client {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const client = new Client(`ws://127.0.0.1:${thread.port}/xrpc/com.atproto.sync.subscribeRepos${query}`)
  clients.push(client)
  return client
}

/** Appends about three times as much as the thread may be sent. */
async function appendMuch(): Promise<void> {
  for (let i = 0; i < 96; i++) {
    await log.append([entry(2, { bytes: FRAME_BYTES })])
    expect(thread.feed.outstandingBytes).toBeLessThanOrEqual(MAX_BYTES)
  }
}

it('invariant 12: what a thread that takes nothing is sent is bounded, and it serves everything afterwards', async () => {
  const live = connect()
  await live.opened()
  const first = log.bounds().next
  await log.append([entry(1)])
  await live.has(1)
  thread.isPaused = true
  await appendMuch()
  await until('what is parked', () => thread.parkedBytes > MAX_BYTES - 3 * FRAME_BYTES)
  expect(thread.parkedBytes).toBeLessThanOrEqual(MAX_BYTES)
  expect(live.frames.length).toBe(1)
  thread.letGo()
  await live.has(97)
  // Live again, from memory and not from the log.
  await until('the end of what was parked', () => thread.feed.outstandingBytes === 0)
  for (let i = 0; i < 3; i++) await log.append([entry(3)])
  await live.has(100)
  const all = Array.from({ length: 100 }, (_, i) => first + i)
  expect(live.seqs).toEqual(all)
  const late = connect(first - 1)
  await late.has(100)
  expect(late.seqs).toEqual(all)
})

it('E5: a takedown, and a reversal, in what a thread did not hear of hold there and afterwards', async () => {
  await log.append([entry(4, { kind: '#account', local: 'takendown' })])
  const live = connect()
  await live.opened()
  const first = log.bounds().next
  thread.isPaused = true
  await appendMuch()
  await log.append([entry(4, { kind: '#account', local: 'active' }), entry(4)])
  await log.append([entry(2, { kind: '#account', local: 'takendown' })])
  await log.append([entry(2), entry(5)])
  thread.letGo()
  await until('the newest', () => live.seqs.at(-1) === log.bounds().next - 1)
  await until('the end of what was parked', () => thread.feed.outstandingBytes === 0)
  await log.append([entry(2), entry(4), entry(6)])
  const last = log.bounds().next - 1
  await until('the newest', () => live.seqs.at(-1) === last)
  const late = connect(first - 1)
  await until('the newest', () => late.seqs.at(-1) === last)
  const [reversal, again, takedown, , five, , four, six] = Array.from({ length: 8 }, (_, i) => first + 96 + i)
  expect(late.seqs).toEqual([reversal, again, takedown, five, four, six])
  // What it had been sent before it was paused is served before it hears of the takedown; what it missed is not.
  expect(live.seqs.slice(-6)).toEqual(late.seqs)
  expect(live.seqs.length).toBeLessThanOrEqual(33 + 6)
  expect(late.frames.at(-1)?.body['did']).toBe(did(6))
})

it('segments that came and went while a thread heard nothing are no hole for its subscribers', async () => {
  thread.isPaused = true
  await appendMuch()
  thread.letGo()
  await until('the end of what was parked', () => thread.feed.outstandingBytes === 0)
  const whole = connect(0)
  await whole.has(106)
  const { first } = log.bounds()
  expect(whole.seqs).toEqual(Array.from({ length: 106 }, (_, i) => first + i))
})

it('a thread that takes nothing is seen by its heartbeat, also where nothing but a heartbeat comes', async () => {
  await log.append([entry(1, { kind: 'quiet' })])
  await until('it to be heard', () => performance.now() - thread.feed.lastReceivedMs < 100)
  thread.isPaused = true
  const before = thread.feed.lastReceivedMs
  await log.append([entry(1, { kind: 'quiet' })])
  thread.feed.refresh()
  await until('some time', () => performance.now() - before > 300)
  expect(thread.feed.lastReceivedMs).toBe(before)
  thread.letGo()
  await until('it to be heard', () => performance.now() - thread.feed.lastReceivedMs < 100)
})
