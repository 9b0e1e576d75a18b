import type { XrpcRequest } from '@bgs/api/xrpc/method.ts'
import { newAddressLimits, type SharedAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Takedowns } from '../takedowns.ts'
import { Client, did, entry, freeLimits, openLog } from '../testing/scene.ts'
import { serve } from './serve.ts'
import type { Serving } from './serving.ts'

const HOST = '127.0.0.1'
const SUBSCRIBERS = 6

let opened: Awaited<ReturnType<typeof openLog>>
let serving: Serving
let port: number
let notReady: string | undefined
let limits: SharedAddressLimits
let closed = false
const calls: [string, XrpcRequest][] = []
const clients: Client[] = []
beforeEach(async ({ task }) => {
  notReady = undefined
  limits = task.name.includes('one address') ? strictLimits() : freeLimits()
  closed = false
  calls.length = 0
  opened = await openLog({ segmentBytes: 20_000, retentionBytes: 30_000 })
  for (let i = 0; i < 40; i++) await opened.log.append([entry(i, { bytes: 1_000 }), entry(i + 1)])
  const takedowns = new Takedowns(0, [did(1)])
  serving = serve({
    log: opened.log,
    takedowns,
    registry: new Registry(),
    logger: createLogger('silent'),
    logLevel: 'silent',
    trustedProxies: [],
    limits,
    deflate: false,
    notReady: () => notReady,
    call: async (nsid, request) => {
      calls.push([nsid, request])
      return { status: 418, body: { from: 'the main thread' }, headers: { 'x-odd': 'yes' } }
    },
    threads: 2,
    onFault: (error) => {
      throw error
    },
  })
  port = await serving.listen(0, HOST)
})
afterEach(async () => {
  for (const { ws } of clients.splice(0)) ws.terminate()
  if (!closed) await serving.close()
  await opened.close()
})

const strictLimits = () =>
  newAddressLimits(loadSettings({ RELAY_SUBSCRIBERS_PER_ADDRESS: String(SUBSCRIBERS) }, []).settings)

function connect(cursor?: number): Client {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const client = new Client(`ws://${HOST}:${port}/xrpc/com.atproto.sync.subscribeRepos${query}`)
  clients.push(client)
  return client
}

/** Of the window, without what is taken down. */
async function served(): Promise<number[]> {
  const seqs: number[] = []
  const { first, next } = opened.log.bounds()
  for (let at = first; at < next; ) {
    for (const batch of await opened.log.read(at, 1e6)) {
      for (let i = 0; i < batch.count; i++)
        if (batch.firstSeq + i >= first && !batch.factsOf(i).includes(did(1))) seqs.push(batch.firstSeq + i)
      at = batch.lastSeq + 1
    }
  }
  return seqs
}

describe('threads that share the listening port', () => {
  it('each serve the whole window and then live, to whoever the kernel sends them', async () => {
    const before = await served()
    const many = Array.from({ length: 24 }, () => connect(0))
    for (const client of many) await client.has(before.length)
    await opened.log.append([entry(2), entry(1), entry(3)])
    const all = await served()
    expect(all.length).toBe(before.length + 2)
    for (const client of many) await client.has(all.length)
    for (const client of many) expect(client.seqs).toEqual(all)
    const metrics = await (await serving.threadRegistry()).metrics()
    expect(metrics).toMatch(/relay_fanout_subscribers 24\n/)
    expect(metrics).toMatch(/relay_fanout_events_total\{source="log"\} [1-9]/)
    expect(metrics).toMatch(/relay_fanout_events_total\{source="window"\} 48\n/)
    expect(metrics).toContain(`relay_fanout_head_seq ${opened.log.bounds().next - 1}\n`)
  })

  it('hear of takedowns, of trimmed segments, and of a head that they have not seen', async () => {
    const live = connect()
    await live.opened()
    await opened.log.append([entry(3, { kind: '#account', local: 'takendown' }), entry(3), entry(4)])
    await live.has(2)
    expect(live.frames.map(({ type }) => type)).toEqual(['#identity', '#sync'])
    const { first } = opened.log.bounds()
    await opened.log.trim(opened.log.bounds().next)
    expect(opened.log.bounds().first).toBeGreaterThan(first)
    await expect
      .poll(async () => {
        const late = connect(first)
        await late.has(1)
        return late.frames[0]?.type
      })
      .toBe('#info')
    const future = connect(opened.log.bounds().next + 5)
    await until('the refusal', () => future.closed !== undefined)
    expect(future.closed).toMatchObject({ code: 1008, reason: 'FutureCursor' })
  })

  it('pass XRPC on to the thread that has the database', async () => {
    const url = `http://${HOST}:${port}/xrpc/com.atproto.sync`
    const got = await fetch(`${url}.listRepos?limit=3&cursor=a%20b`)
    expect([got.status, got.headers.get('x-odd'), await got.json()]).toEqual([
      418,
      'yes',
      { from: 'the main thread' },
    ])
    await fetch(`${url}.requestCrawl`, { method: 'POST', body: '{"hostname":"x"}' })
    const asked = calls.map(([nsid, { params, body, address }]) => [nsid, params.toString(), body, address])
    expect(asked).toEqual([
      ['com.atproto.sync.listRepos', 'limit=3&cursor=a+b', undefined, HOST],
      ['com.atproto.sync.requestCrawl', '', { hostname: 'x' }, HOST],
    ])
    expect((await fetch(`${url}.nothing`)).status).toBe(501)
  })

  it('say that they cannot serve while the relay cannot', async () => {
    notReady = 'filling'
    // Each connection may reach another thread.
    await expect
      .poll(async () => {
        const many = Array.from({ length: 8 }, () => connect(0))
        for (const one of many)
          await until('a word', () => one.refused !== undefined || one.ws.readyState === one.ws.OPEN)
        return many.every(({ refused }) => refused?.status === 503)
      })
      .toBe(true)
    expect((await fetch(`http://${HOST}:${port}/_health`)).status).toBe(503)
  })

  it('count the subscriptions of one address together: 429 beyond the limit, and room for others again', async () => {
    const many = Array.from({ length: SUBSCRIBERS }, () => connect())
    for (const client of many) await client.opened()
    const over = connect()
    await until('the answer', () => over.refused !== undefined)
    expect(over.refused?.status).toBe(429)
    expect(JSON.parse(over.refused?.body ?? '')).toMatchObject({ error: 'RateLimitExceeded' })
    expect(over.refused?.retryAfter).toBe('30')
    many[0]?.ws.terminate()
    await expect
      .poll(async () => {
        const again = connect()
        await until('a word', () => again.refused !== undefined || again.ws.readyState === again.ws.OPEN)
        return again.refused
      })
      .toBe(undefined)
  })

  it('send everybody away with 1012 at the end', async () => {
    const many = Array.from({ length: 8 }, () => connect())
    for (const client of many) await client.opened()
    closed = true
    await serving.close()
    for (const client of many) {
      await until('the close', () => client.closed !== undefined)
      expect(client.closed?.code).toBe(1012)
    }
  })
})
