import { get as httpGet } from 'node:http'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

interface Reply {
  status: number
  headers: Headers
  json: Record<string, unknown>
}

describe('the endpoints of protocol.md section 7, on a relay that has read a network', () => {
  const folder = tempFolder()
  let network: SimNetwork
  let relay: RelayProcess
  let dids: string[]

  const get = async (path: string, init: RequestInit = {}): Promise<Reply> => {
    const response = await fetch(`http://127.0.0.1:${relay.port}${path}`, { redirect: 'manual', ...init })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : {} }
  }
  const sync = (method: string, params: Record<string, string | number> = {}) =>
    get(`/xrpc/com.atproto.sync.${method}?${new URLSearchParams(params as Record<string, string>)}`)
  const crawl = (body: string) =>
    get('/xrpc/com.atproto.sync.requestCrawl', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: 11, hosts: 2, accountsPerHost: 5 })
    relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
    dids = [...network.residents.keys()]
    const checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await checker.untilCaughtUp(20_000)
    await network.deactivate(dids[1] as string)
    await network.deactivate(dids[2] as string, 'takendown')
    await network.deactivate(dids[3] as string, 'suspended')
    await network.deleteAccount(dids[4] as string)
    await checker.untilCaughtUp(20_000)
    await checker.close()
  })

  afterAll(async () => {
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  it('section 5: answers by effective status', async () => {
    // The view follows the log within the second.
    await expect
      .poll(async () => (await sync('getRepoStatus', { did: dids[4] as string })).json['active'])
      .toBe(false)
    const rows = await Promise.all(
      dids.slice(0, 5).map(async (did) => {
        const status = await sync('getRepoStatus', { did })
        const commit = await sync('getLatestCommit', { did })
        const repo = await sync('getRepo', { did })
        return [
          status.json['active'],
          status.json['status'],
          commit.json['error'],
          repo.status,
          repo.json['error'],
        ]
      }),
    )
    expect(rows).toEqual([
      [true, undefined, undefined, 302, undefined],
      [false, 'deactivated', 'RepoDeactivated', 400, 'RepoDeactivated'],
      [false, 'takendown', 'RepoTakendown', 400, 'RepoTakendown'],
      [false, 'suspended', 'RepoSuspended', 400, 'RepoSuspended'],
      [false, 'deleted', 'RepoNotFound', 400, 'RepoNotFound'],
    ])
  })

  it('getRepoStatus and getLatestCommit agree with the PDS; rev only while active', async () => {
    const [active = '', inactive = ''] = dids
    const { repo } = network.resident(active).account
    expect((await sync('getRepoStatus', { did: active })).json).toEqual({
      did: active,
      active: true,
      rev: repo.rev,
    })
    expect((await sync('getLatestCommit', { did: active })).json).toMatchObject({ rev: repo.rev })
    expect((await sync('getRepoStatus', { did: inactive })).json).not.toHaveProperty('rev')
  })

  it('getRepo leads to the same path and query on the PDS', async () => {
    const [did = ''] = dids
    const { headers } = await sync('getRepo', { did, since: '3jzfcijpj2z2a' })
    const { pds } = network.resident(did)
    const query = new URLSearchParams({ did, since: '3jzfcijpj2z2a' })
    expect(headers.get('location')).toBe(`${pds.endpoint}/xrpc/com.atproto.sync.getRepo?${query}`)
  })

  it('an empty parameter is none, over HTTP and WebSocket', async () => {
    const whole = await sync('listRepos')
    expect((await sync('listRepos', { cursor: '', limit: '' })).json).toEqual(whole.json)
    expect((await sync('listHosts', { cursor: '', limit: '' })).json).toEqual((await sync('listHosts')).json)
    expect((await get('/hosts?order=&status=&q=&format=json')).status).toBe(200)
    const checker = await CheckingSubscriber.connect({ url: `${relay.url}?cursor=`, model: network.model })
    await checker.close()
  })

  it('RFC 9110 7.8: a call that offers HTTP/2 is answered as any other', async () => {
    const answers = ['/_health', '/xrpc/com.atproto.sync.listHosts', '/'].map(
      (path) =>
        new Promise((resolve, reject) => {
          const headers = {
            connection: 'Upgrade, HTTP2-Settings',
            upgrade: 'h2c',
            'http2-settings': 'AAMAAABk',
          }
          httpGet({ port: relay.port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
            response.resume()
            resolve(response.statusCode)
          }).on('error', reject)
        }),
    )
    expect(await Promise.all(answers)).toEqual([200, 200, 200])
  })

  it('unknown and malformed DIDs are told apart', async () => {
    const unknown = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
    for (const method of ['getRepoStatus', 'getLatestCommit', 'getRepo']) {
      expect((await sync(method, { did: unknown })).json['error']).toBe('RepoNotFound')
      expect((await sync(method, { did: 'did:plc:UPPER' })).json['error']).toBe('InvalidRequest')
      expect((await sync(method)).json).toMatchObject({
        error: 'InvalidRequest',
        message: expect.stringContaining('did'),
      })
    }
  })

  it('listRepos pages by a stable key, with limit 1 too, and leaves out what was deleted', async () => {
    const seen: unknown[] = []
    let cursor: string | undefined
    do {
      const page = await sync('listRepos', { limit: 1, ...(cursor === undefined ? {} : { cursor }) })
      seen.push(...(page.json['repos'] as { did: string }[]).map(({ did }) => did))
      cursor = page.json['cursor'] as string | undefined
    } while (cursor !== undefined)
    expect(seen.toSorted()).toEqual(dids.filter((did) => did !== dids[4]).toSorted())
    const whole = await sync('listRepos')
    expect(whole.json).not.toHaveProperty('cursor')
    expect(whole.json['repos']).toContainEqual(
      expect.objectContaining({ did: dids[1], active: false, status: 'deactivated' }),
    )
  })

  it.each([
    ['listRepos', { limit: 0 }],
    ['listRepos', { limit: 1_001 }],
    ['listRepos', { limit: 'x' }],
    ['listRepos', { cursor: 'nonsense' }],
    ['listHosts', { limit: 1_001 }],
    ['listHosts', { cursor: 'nonsense' }],
  ])('%s %j: refused by name, not clamped', async (method, params) => {
    const { status, json } = await sync(method, params)
    expect(status).toBe(400)
    expect(json).toMatchObject({
      error: 'InvalidRequest',
      message: expect.stringContaining(Object.keys(params)[0] as string),
    })
  })

  it('listHosts and getHostStatus show the hosts with their accounts', async () => {
    const { json } = await sync('listHosts')
    const names = (json['hosts'] as { hostname: string }[]).map(({ hostname }) => hostname)
    expect(names.toSorted()).toEqual(network.hosts.map(({ hostname }) => hostname).toSorted())
    const [host] = network.hosts
    await expect
      .poll(async () => (await sync('getHostStatus', { hostname: host?.hostname ?? '' })).json, {
        timeout: 5_000,
      })
      .toMatchObject({ hostname: host?.hostname, status: 'active', accountCount: 4, seq: expect.any(Number) })
    expect((await sync('getHostStatus', { hostname: 'no.such.host.com' })).json['error']).toBe('HostNotFound')
    expect((await sync('getHostStatus', { hostname: '??' })).json['error']).toBe('InvalidRequest')
  })

  it('requestCrawl: says what is wrong with a hostname (H6), and is quick for one already connected', async () => {
    for (const hostname of [
      '',
      'a b',
      '127.0.0.1',
      '[::1]',
      '0x7f.1',
      '2130706433',
      'pds',
      'pds.internal',
      'a@b.com',
      'b.com/x',
    ])
      expect((await crawl(JSON.stringify({ hostname }))).json['error'], hostname).toBe('InvalidRequest')
    expect((await crawl('not json')).json['error']).toBe('InvalidRequest')
    expect((await crawl('{}')).json['error']).toBe('InvalidRequest')
    expect((await crawl(JSON.stringify({ hostname: 'localhost:1' }))).json['error']).toBe('HostNotFound')
    expect((await crawl(JSON.stringify({ hostname: network.hosts[0]?.hostname }))).status).toBe(200)
  })

  it('health, CORS, unknown methods and wrong verbs', async () => {
    for (const path of ['/_health', '/xrpc/_health'])
      expect((await get(path)).json).toMatchObject({ version: expect.any(String) })
    const unknown = await get('/xrpc/com.atproto.sync.getBlocks')
    expect([unknown.status, unknown.json['error']]).toEqual([501, 'MethodNotImplemented'])
    expect(unknown.headers.get('access-control-allow-origin')).toBe('*')
    expect(unknown.headers.get('server')).toContain('atproto-relay')
    const preflight = await get('/xrpc/com.atproto.sync.listRepos', { method: 'OPTIONS' })
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
    expect((await get('/xrpc/com.atproto.sync.requestCrawl')).status).toBe(405)
    expect((await get('/xrpc/com.atproto.sync.listRepos', { method: 'POST' })).status).toBe(405)
    const stream = await get('/xrpc/com.atproto.sync.subscribeRepos')
    expect([stream.status, stream.json['error']]).toEqual([426, 'UpgradeRequired'])
    expect((await get('/nothing')).status).toBe(404)
  })

  it('the operator listener has metrics, livez and readyz', async () => {
    const ops = (path: string) => fetch(`http://127.0.0.1:${relay.opsPort}${path}`)
    expect((await ops('/livez')).status).toBe(200)
    expect((await ops('/readyz')).status).toBe(200)
    const text = await (await ops('/metrics')).text()
    for (const name of [
      'relay_sequencer_head_seq',
      'relay_crawler_hosts',
      'relay_fanout_subscribers',
      'relay_bus_pending_bytes',
      'relay_sequencer_end_to_end_seconds',
      'relay_verifier_curve_backend',
      'process_cpu_seconds_total',
    ])
      expect(text).toContain(name)
  })
})
