import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { SubscriberInfo } from '@bgs/contract/subscribers.ts'
import { askForHost } from '@bgs/database/hosts/host-rows.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { createAdminApi } from '../admin/admin-api.ts'
import type { AdminContext } from '../admin/context.ts'

const PASSWORD = 'a-password'
/** The topic of control is full with this many bytes, which is one message. */
const ROOM_BYTES = 512
export const NOW = 1_790_000_000_000
export const HOST = 'pds.example.com'
export const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const WHY = 'a test'

/** The admin API as it is asked over HTTP, of a database in memory; what it sends to the sequencer is kept. */
export class AdminScene implements AsyncDisposable {
  readonly database: SqliteDatabase
  /** What the sequencer was sent, in order. */
  readonly messages: ControlMessage[] = []
  /** Questions to the PDSs of accounts. */
  readonly asked: Parameters<AdminContext['ask']>[0][] = []
  readonly subscribers: SubscriberInfo[] = []
  /** How often the crawlers were woken. */
  woken = 0
  #isConsuming = true
  readonly #server: Server
  readonly #control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: ROOM_BYTES })
  readonly #consumer = this.#control.consumer()

  private constructor(database: SqliteDatabase) {
    this.database = database
    this.#consumer.onAvailable(() => this.#consume())
    const api = createAdminApi({
      passwords: [PASSWORD],
      trustedProxies: [],
      context: this.#context(),
      databaseAway: () => undefined,
      logger: createLogger('silent'),
    })
    this.#server = createServer((request, response) => {
      if (!api(request, response)) response.writeHead(404).end()
    })
  }

  static async start(): Promise<AdminScene> {
    const scene = new AdminScene(await SqliteDatabase.open(':memory:'))
    await new Promise<void>((resolve) => scene.#server.listen(0, '127.0.0.1', resolve))
    return scene
  }

  /** One host, HOST, of 100 accounts at most, and of it one account, DID; and nothing that was before. */
  async reset(): Promise<void> {
    for (const table of ['hosts', 'accounts', 'domains', 'audit']) await this.run(`DELETE FROM ${table}`)
    for (const kept of [this.messages, this.asked, this.subscribers]) kept.splice(0)
    this.woken = 0
    await askForHost(this.database, {
      hostname: HOST,
      trusted: false,
      accountLimit: 100,
      source: 'request',
      nowMs: NOW - 1_000,
    })
    await this.run(
      `INSERT INTO accounts VALUES (4294967296, '${DID}', '${HOST}', '{}', 1, 1, '3kabcdefg2222', NULL, NULL,
        'active', 'active', '', 7, 3, 0)`,
    )
  }

  #context(): AdminContext {
    const wakeUps = new LocalWakeUps()
    wakeUps.on('hosts', () => this.woken++)
    return {
      database: this.database,
      control: this.#control.producer<() => void>((onSafe) => onSafe()),
      wakeUps,
      log: {
        bounds: () => ({ first: 1, next: 101, evicted: false }),
        read: async () => [],
        files: { segments: [] } as never,
      },
      subscribers: {
        list: async () => this.subscribers,
        disconnect: async (id) => {
          this.subscribers.splice(0, Infinity, ...this.subscribers.filter((one) => one.id !== id))
        },
      },
      processMetrics: async () => [],
      ask: (question) => this.asked.push(question),
      newHosts: { accountLimit: 100, perDay: 50, trustedDomains: ['*.trusted.com'] },
      allowPrivate: true,
      now: () => NOW,
    }
  }

  /** The sequencer takes nothing more of what it is sent. */
  stopConsuming(): void {
    this.#isConsuming = false
  }

  consumeAgain(): void {
    this.#isConsuming = true
    this.#consume()
  }

  #consume(): void {
    if (!this.#isConsuming) return
    for (const entry of this.#consumer.poll(10)) {
      this.messages.push(entry.value)
      this.#consumer.done(entry)
    }
  }

  async run(sql: string): Promise<void> {
    await this.database.transaction([{ sql, rows: [[]] }])
  }

  /** Asks, or with a body acts: its status and what it answers. */
  async ask(path: string, body?: object): Promise<{ status: number; json: Record<string, unknown> }> {
    const { port } = this.#server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Record<string, unknown> }
  }

  /** Acts, with the reason that is kept. */
  act(path: string, body: object = {}): Promise<{ status: number; json: Record<string, unknown> }> {
    return this.ask(path, { why: WHY, ...body })
  }

  /** What stands in the audit log, the oldest first: act, subject, why, detail. */
  async audit(): Promise<unknown[][]> {
    const { json } = await this.ask('/audit')
    const entries = json['entries'] as { act: string; subject: string; why: string; detail: object }[]
    return entries.map(({ act, subject, why, detail }) => [act, subject, why, detail])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.database.close()
  }
}
