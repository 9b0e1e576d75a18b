import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import { askForHost, findHost, meetHost } from '@bgs/database/hosts/host-rows.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LocalLimits } from '../http/call-limits.ts'
import { requestCrawl } from './request-crawl.ts'

let folder: string
let database: SqliteDatabase
let server: Server
let host: string
let answer: RequestListener
let asked: string[]
let woken: number
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crawl-'))
  database = await SqliteDatabase.open(join(folder, 'state.db'))
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  host = `localhost:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await database.close()
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  asked = []
  woken = 0
  answer = (_request, response) => response.end('{"did":"did:web:pds.example.com"}')
  nowMs = 1e12
  await database.transaction(
    ['hosts', 'domains', 'met_hosts'].map((table) => ({ sql: `DELETE FROM ${table}`, rows: [[]] })),
  )
})

let nowMs = 1e12

/** Calls the method; resolves to its status, or the name of its error. */
async function call(hostname: unknown, allowPrivate = true): Promise<string> {
  const wakeUps = new LocalWakeUps()
  wakeUps.on('hosts', () => woken++)
  const limits = new LocalLimits()
  const context = {
    database,
    wakeUps,
    limits,
    allowPrivate,
    newHosts: { accountLimit: 100, perDay: 50, trustedDomains: ['*.trusted.com'] },
    log: { bounds: () => ({ first: 1, next: 2, evicted: false }) },
    windowHours: 72,
    eventsPerSecond: () => 0,
    now: () => nowMs,
  }
  const request = { params: new URLSearchParams(), address: '203.0.113.1', body: { hostname } }
  return requestCrawl.handle(request, context).then(
    ({ status }) => String(status),
    (error: { code: string }) => error.code,
  )
}
const set = (change: string) => database.transaction([{ sql: `UPDATE hosts SET ${change}`, rows: [[]] }])

describe('H6: requestCrawl', () => {
  it('a host that answers describeServer is noted, and the crawler is woken', async () => {
    expect(await call(`http://${host}/`)).toBe('200')
    expect(asked).toEqual(['/xrpc/com.atproto.server.describeServer'])
    expect(await findHost(database, host)).toMatchObject({ status: 'active', asked_ms: 1e12 })
    expect(woken).toBe(1)
  })

  it.each([undefined, 7, '', 'localhost', '127.0.0.1', 'https://a@b.example.com', 'pds.test'])(
    '%j is refused before anything is asked',
    async (hostname) => {
      expect(await call(hostname)).toBe('InvalidRequest')
      expect([asked, woken]).toEqual([[], 0])
    },
  )

  it.each<[string, RequestListener]>([
    ['HTTP 404', (_request, response) => response.writeHead(404).end('{"did":"did:web:x"}')],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/' }).end()],
    ['no JSON', (_request, response) => response.end('<html>')],
    ['no DID', (_request, response) => response.end('{"did":"x"}')],
    ['too much', (_request, response) => response.end(Buffer.alloc(70_000, 32))],
    ['no answer', (request) => request.socket.destroy()],
  ])('%s is no PDS: nothing is noted', async (_name, listener) => {
    answer = listener
    expect(await call(host)).toBe('HostNotFound')
    expect(await findHost(database, host)).toBeUndefined()
    expect(woken).toBe(0)
  })

  it('a banned host is told so and not asked, connected or not', async () => {
    await askForHost(database, {
      hostname: host,
      trusted: false,
      accountLimit: 1,
      source: 'request',
      nowMs: 1,
    })
    await set('banned = 1, connected = 1')
    expect(await call(host)).toBe('HostBanned')
    expect([asked, woken]).toEqual([[], 0])
  })

  it('a connected host is answered at once, without asking or limiting it', async () => {
    await askForHost(database, {
      hostname: 'pds.example.com',
      trusted: false,
      accountLimit: 1,
      source: 'request',
      nowMs: 1,
    })
    await set('connected = 1')
    for (let i = 0; i < 30; i++) expect(await call('pds.example.com', false)).toBe('200')
    expect([asked, woken]).toEqual([[], 0])
  })

  it('a known host that is not connected is asked for again', async () => {
    await askForHost(database, {
      hostname: host,
      trusted: false,
      accountLimit: 1,
      source: 'request',
      nowMs: 1,
    })
    expect(await call(host)).toBe('200')
    expect(await findHost(database, host)).toMatchObject({ created_ms: 1, asked_ms: 1e12 })
  })

  it('H6: no more than so many new hosts a day, over restarts and all processes; hosts that are none count nothing', async () => {
    const asked = { trusted: false, accountLimit: 1, source: 'request', nowMs } as const
    for (let i = 0; i < 49; i++)
      expect(await meetHost(database, { ...asked, hostname: `pds.example${i}.com` }, 50)).toBe(true)
    answer = (_request, response) => response.writeHead(404).end()
    expect(await call(host)).toBe('HostNotFound')
    answer = (_request, response) => response.end('{"did":"did:web:pds.example.com"}')
    expect(await call(host)).toBe('200')
    expect(await call('new.example.com')).toBe('RateLimitExceeded')
    expect(await meetHost(database, { ...asked, hostname: 'racing.example.com' }, 50)).toBe(false)
    expect(await findHost(database, 'racing.example.com')).toBeUndefined()
    expect(await call(host), 'a known one is asked for again').toBe('200')
    nowMs += 86_400_000
    expect(await meetHost(database, { ...asked, hostname: 'tomorrow.example.com', nowMs }, 50)).toBe(true)
    expect(await call('localhost:1', false)).toBe('InvalidRequest')
  })

  it('H9: a host under a banned domain is banned, whether known or not; one under a trusted one is trusted', async () => {
    await database.transaction([
      { sql: "INSERT INTO domains VALUES ('bad.com', 'ban', 1), ('localhost', 'trust', 1)", rows: [[]] },
    ])
    expect(await call('a.b.bad.com', false)).toBe('HostBanned')
    expect(await call('notbad.com', false)).not.toBe('HostBanned')
    expect(await call(host)).toBe('200')
    expect(await findHost(database, host)).toMatchObject({ trusted: 1, account_limit: 10_000_000 })
  })
})
