import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashDid } from '@bgs/contract/bus/partition.ts'
import { encodeFacts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import type { EntryKind, LogEntry } from '@bgs/contract/log/log-batch.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog, type SegmentLogOptions } from '@bgs/embedded/log/segment-log.ts'
import { encodeIdentity, encodeSync } from '@bgs/protocol/frame/encode.ts'
import { newAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import WebSocket, { type PerMessageDeflateOptions } from 'ws'
import { fanoutMetrics } from '../metrics.ts'
import { Subscriptions } from '../subscribe/subscriptions.ts'
import { Takedowns } from '../takedowns.ts'
import { Window } from '../window.ts'

const TIME = '2026-01-01T00:00:00.000Z'
export const did = (n: number) => `did:plc:${String.fromCharCode(97 + (n % 26))}${'2'.repeat(23)}`

/** An entry of one account; `bytes` swells its frame. */
export function entry(
  account: number,
  change: { kind?: EntryKind; bytes?: number; local?: LocalStatus } = {},
): LogEntry {
  const { kind = '#commit', bytes = 10, local = null } = change
  const of = did(account)
  const slotted =
    kind === '#commit' || kind === '#sync'
      ? encodeSync({ did: of, rev: '3kabcdefg2222', blocks: Buffer.alloc(bytes), time: TIME })
      : encodeIdentity({ did: of, time: TIME })
  const facts = encodeFacts({ ...NO_FACTS, did: of, local })
  const { frame, seqAt } = slotted
  return { kind, didHash: hashDid(of), facts, frame: kind === 'quiet' ? null : frame, seqAt }
}

/** Limits that hold nobody on this machine up. */
export const freeLimits = () =>
  newAddressLimits(loadSettings({ RELAY_ALLOW_PRIVATE_HOSTS: 'true' }, []).settings)

/** A log in a folder of its own. */
export async function openLog(options: Partial<SegmentLogOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'fanout-'))
  const log = await SegmentLog.open({
    folder,
    disk: nodeDisk,
    generation: 1,
    retentionMs: 1e12,
    retentionBytes: 1e12,
    seenPosition: 0,
    clean: true,
    ...options,
  })
  const close = async () => {
    await log.close()
    await rm(folder, { recursive: true })
  }
  return { log, close }
}

/** Subscriptions over a real log behind a real listener. */
export class Scene implements AsyncDisposable {
  readonly log: SegmentLog
  readonly takedowns = new Takedowns()
  readonly metrics = fanoutMetrics(new Registry())
  readonly subscriptions: Subscriptions
  readonly clients: Client[] = []
  readonly #server: Server
  readonly #close: () => Promise<void>

  private constructor(log: SegmentLog, close: () => Promise<void>, windowBytes: number, deflate: boolean) {
    this.log = log
    this.#close = close
    this.subscriptions = new Subscriptions({
      log,
      window: new Window(windowBytes),
      takedowns: this.takedowns,
      metrics: this.metrics,
      notReady: () => undefined,
      deflate,
    })
    this.#server = createServer()
    this.#server.on('upgrade', (request, socket, head) => {
      const cursor = new URL(request.url ?? '/', 'http://x').searchParams.get('cursor')
      this.subscriptions.upgrade(request, socket as Socket, head, cursor, '127.0.0.1')
    })
  }

  static async open(
    options: {
      windowBytes?: number
      log?: Partial<SegmentLogOptions>
      before?: LogEntry[][]
      deflate?: boolean
    } = {},
  ): Promise<Scene> {
    const { log, close } = await openLog(options.log)
    for (const entries of options.before ?? []) await log.append(entries)
    const scene = new Scene(log, close, options.windowBytes ?? 1 << 20, options.deflate ?? false)
    scene.#server.listen(0, '127.0.0.1')
    await new Promise((resolve) => scene.#server.once('listening', resolve))
    return scene
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  connect(
    cursor?: number | string,
    perMessageDeflate: boolean | PerMessageDeflateOptions = false,
    headers: Readonly<Record<string, string>> = {},
  ): Client {
    const client = new Client(
      `${this.url}/${cursor === undefined ? '' : `?cursor=${cursor}`}`,
      perMessageDeflate,
      headers,
    )
    this.clients.push(client)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { ws } of this.clients) ws.terminate()
    await this.subscriptions.close()
    this.#server.close()
    this.#server.closeAllConnections()
    await this.#close()
  }
}

/** A subscriber that keeps what it is sent. */
export class Client {
  readonly ws: WebSocket
  readonly frames: { op: number; type: string; body: Record<string, unknown> }[] = []
  closed: { code: number; reason: string } | undefined
  refused: { status: number; body: string; retryAfter: string | undefined } | undefined
  pings = 0

  constructor(
    url: string,
    perMessageDeflate: boolean | PerMessageDeflateOptions = false,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.ws = new WebSocket(url, { perMessageDeflate, headers })
    this.ws.on('message', (data: Buffer) => this.frames.push(decodeFrame(data)))
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    this.ws.on('ping', () => this.pings++)
    this.ws.on('error', () => undefined)
    this.ws.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('end', () => {
        this.refused = { status: response.statusCode ?? 0, body, retryAfter: response.headers['retry-after'] }
      })
    })
  }

  get seqs(): number[] {
    return this.frames.flatMap(({ body }) => (typeof body.seq === 'number' ? [body.seq] : []))
  }

  opened(): Promise<void> {
    return until('the subscription', () => this.ws.readyState === WebSocket.OPEN)
  }

  async has(count: number): Promise<void> {
    await until(`${count} frames`, () => this.frames.length >= count)
  }
}
