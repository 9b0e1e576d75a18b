import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findHost } from '@bgs/database/hosts/host-rows.ts'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AdminScene, HOST, NOW, WHY } from '../testing/admin-scene.ts'

let scene: AdminScene
beforeAll(async () => {
  scene = await AdminScene.start()
  return () => scene[Symbol.asyncDispose]()
})
beforeEach(() => scene.reset())

const row = (hostname: string) => findHost(scene.database, hostname)
const TRUSTED = 10_000_000

describe('a host is added', () => {
  it('as any host is, and the crawlers are woken', async () => {
    expect(await scene.act('/hosts', { hostname: 'https://New.example.com/' })).toMatchObject({
      status: 200,
      json: { hostname: 'new.example.com', source: 'operator', trusted: false, accountLimit: 100 },
    })
    expect(await row('new.example.com')).toMatchObject({ asked_ms: NOW, start_live: 0, upstream: 0 })
    expect([scene.woken, scene.messages]).toEqual([1, []])
    expect(await scene.audit()).toEqual([
      ['host add', 'new.example.com', WHY, expect.objectContaining({ trusted: false, cursor: '0' })],
    ])
  })

  it.each([
    [
      { hostname: 'new.example.com', trusted: true },
      { trusted: 1, account_limit: TRUSTED },
    ],
    [{ hostname: 'pds.trusted.com' }, { trusted: 1, account_limit: TRUSTED }],
    [
      { hostname: 'new.example.com', upstream: true },
      { trusted: 1, upstream: 1 },
    ],
    [
      { hostname: 'new.example.com', cursor: 'live' },
      { trusted: 0, start_live: 1 },
    ],
  ])('%j', async (body, expected) => {
    expect((await scene.act('/hosts', body)).status).toBe(200)
    expect(await row(body.hostname)).toMatchObject(expected)
    expect(scene.messages).toEqual([])
  })

  it('one that is known is asked for again; of the limit that comes with trust the sequencer is told', async () => {
    await scene.act('/hosts', { hostname: HOST })
    expect(await row(HOST)).toMatchObject({ asked_ms: NOW, created_ms: NOW - 1_000, source: 'request' })
    await scene.act('/hosts', { hostname: HOST, trusted: true })
    expect(await row(HOST)).toMatchObject({ trusted: 1 })
    expect(scene.messages).toEqual([{ kind: 'host-limit', host: HOST, accountLimit: TRUSTED }])
  })

  it('not in a banned domain', async () => {
    await scene.run("INSERT INTO domains VALUES ('evil.com', 'ban', 1)")
    expect(await scene.act('/hosts', { hostname: 'pds.evil.com' })).toMatchObject({
      status: 400,
      json: { error: 'HostBanned' },
    })
    expect([await row('pds.evil.com'), await scene.audit()]).toEqual([undefined, []])
  })
})

describe('hosts are listed', () => {
  it('in the order, the state and the page that are asked for', async () => {
    for (const hostname of ['a.example.com', 'b.example.com']) await scene.act('/hosts', { hostname })
    await scene.act('/hosts/b.example.com/pause')
    await scene.run("UPDATE hosts SET account_count = 5 WHERE hostname = 'b.example.com'")
    const names = async (query: string) =>
      ((await scene.ask(`/hosts?${query}`)).json['hosts'] as { hostname: string }[]).map(
        ({ hostname }) => hostname,
      )
    expect(await names('')).toEqual(['a.example.com', 'b.example.com', HOST])
    expect(await names('order=accounts&limit=1')).toEqual(['b.example.com'])
    expect(await names('limit=1&offset=2')).toEqual([HOST])
    expect(await names('status=paused')).toEqual(['b.example.com'])
    expect(await names('q=PDS')).toEqual([HOST])
    for (const query of ['order=size', 'limit=0', 'limit=1001', 'offset=-1'])
      expect((await scene.ask(`/hosts?${query}`)).status, query).toBe(400)
  })
})

describe("another relay's hosts are taken over", () => {
  let other: Server
  let pages: Record<string, object>
  let from: string
  beforeEach(async () => {
    other = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://relay')
      const page = pages[searchParams.get('cursor') ?? '']
      const isAsked = pathname === '/xrpc/com.atproto.sync.listHosts' && page !== undefined
      response.writeHead(isAsked ? 200 : 404).end(JSON.stringify(page))
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    from = `http://localhost:${(other.address() as AddressInfo).port}`
    return () => {
      other.closeAllConnections()
      other.close()
    }
  })
  const hosts = (...names: string[]) => names.map((hostname) => ({ hostname, status: 'active' }))

  it('page by page, from now on; who is known stays as it is, who is banned there or here stays away', async () => {
    await scene.run("INSERT INTO domains VALUES ('evil.com', 'ban', 1)")
    pages = {
      '': { cursor: 'two', hosts: hosts('a.example.com', HOST, 'pds.evil.com', 'no host') },
      two: {
        hosts: [...hosts('b.trusted.com', 'a.example.com'), { hostname: 'c.example.com', status: 'banned' }],
      },
    }
    expect(await scene.act('/hosts/import', { from })).toEqual({
      status: 200,
      json: { listed: 7, added: 2, known: 1, refused: 4 },
    })
    expect(await row('a.example.com')).toMatchObject({
      source: 'import',
      start_live: 1,
      trusted: 0,
      account_limit: 100,
    })
    expect(await row('b.trusted.com')).toMatchObject({ trusted: 1 })
    expect(await row(HOST)).toMatchObject({ source: 'request', start_live: 0 })
    expect(await row('c.example.com')).toBeUndefined()
    expect(await scene.audit()).toEqual([['host import', from, WHY, {}]])
  })

  it('a list that says the same page for ever ends', async () => {
    const again = { cursor: 'again', hosts: hosts('a.example.com') }
    pages = { '': again, again }
    expect((await scene.act('/hosts/import', { from })).json).toMatchObject({ added: 1 })
  })

  it('who answers something else is named', async () => {
    pages = { '': { hosts: 'none' } }
    expect(await scene.act('/hosts/import', { from })).toMatchObject({
      status: 502,
      json: { error: 'UpstreamFailure', message: expect.stringContaining('does not list its hosts') },
    })
  })
})
