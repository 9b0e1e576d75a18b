import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { tempFolder } from '../harness/temp-folder.ts'

const PASSWORD = 'a-password'

describe('one relay behind another', () => {
  const folders = [tempFolder(), tempFolder()]
  let network: SimNetwork
  let upper: RelayProcess
  let lower: RelayProcess
  const types = new Map<string, string[]>()
  let socket: WebSocket

  const admin = async (path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${lower.opsPort}/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify({ why: 'a test', ...body }) }),
    })
    return (await response.json()) as Record<string, unknown>
  }
  const of = (did: string) => types.get(did) ?? []

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: 31, hosts: 2, accountsPerHost: 3 })
    upper = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_DATA_DIR: folders[0]?.path ?? '',
    })
    const dids = [...network.residents.keys()]
    const all = await fetch(`http://127.0.0.1:${upper.port}/xrpc/com.atproto.sync.listHosts`)
    expect(((await all.json()) as { hosts: unknown[] }).hosts).toHaveLength(2)
    lower = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_HOSTS: '',
      RELAY_UPSTREAM_RELAYS: `http://localhost:${upper.port}`,
      RELAY_DATA_DIR: folders[1]?.path ?? '',
      RELAY_ADMIN_PASSWORD: PASSWORD,
    })
    socket = new WebSocket(`${lower.url}?cursor=0`)
    socket.on('message', (data: Buffer) => {
      const { type, body } = decodeFrame(data)
      const did = String(body['did'] ?? body['repo'])
      types.set(did, [...of(did), type])
    })
    await until(
      'the upper relay to be crawled',
      () => lower.output().includes('subscribed to a host'),
      10_000,
    )
    for (const did of dids) await network.commit(did, (one) => one.post())
  })

  afterAll(async () => {
    socket?.terminate()
    await lower?.kill('SIGKILL')
    await upper?.kill('SIGKILL')
    await network?.close()
    for (const folder of folders) folder.remove()
  })

  it('H5: takes what the other passes on, verified; the accounts live where their documents say', async () => {
    const dids = [...network.residents.keys()]
    await expect.poll(() => dids.every((did) => of(did).includes('#commit')), { timeout: 10_000 }).toBe(true)
    const [did = ''] = dids
    const { hostname } = network.resident(did).pds
    await expect
      .poll(() => admin(`/accounts/${encodeURIComponent(did)}`))
      .toMatchObject({
        host: hostname,
        active: true,
      })
    // Nobody asked it to crawl the hosts themselves.
    expect((await admin('/hosts'))['hosts']).toHaveLength(1)
  })

  it('operators act on an account whose host never spoke here', async () => {
    const did = [...network.residents.keys()].at(1) as string
    const path = `/accounts/${encodeURIComponent(did)}`
    await admin(`${path}/takedown`, {})
    await expect.poll(() => of(did).at(-1), { timeout: 4_000 }).toBe('#account')
    await admin(`${path}/restore`, {})
    await expect.poll(() => admin(path)).toMatchObject({ local: 'active', active: true })
  })

  it('E2: a status is believed of the host alone, which is asked', async () => {
    const [did = ''] = network.residents.keys()
    await network.deactivate(did)
    await expect
      .poll(() => admin(`/accounts/${encodeURIComponent(did)}`), { timeout: 10_000 })
      .toMatchObject({ upstream: 'deactivated', active: false })
    expect(of(did).filter((type) => type === '#account')).toHaveLength(1)
  })

  it("takes over the other relay's hosts, which are crawled from now on; nothing comes twice", async () => {
    expect(await admin('/hosts/import', { from: `http://localhost:${upper.port}` })).toMatchObject({
      listed: 2,
      added: 2,
    })
    await expect
      .poll(
        async () => ((await admin('/hosts'))['hosts'] as { connected: boolean }[]).filter((h) => h.connected),
        {
          timeout: 10_000,
        },
      )
      .toHaveLength(3)
    const did = [...network.residents.keys()].at(-1) as string
    const before = of(did).length
    for (let i = 0; i < 5; i++) await network.commit(did, (one) => one.post())
    await expect.poll(() => of(did).length - before, { timeout: 10_000 }).toBe(5)
  })

  it('H5: without being told that it is one, a relay is banned', async () => {
    const answer = await fetch(`http://127.0.0.1:${upper.port}/xrpc/com.atproto.sync.requestCrawl`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hostname: `localhost:${lower.port}` }),
    })
    expect(((await answer.json()) as { error: string }).error).toBe('HostNotFound')
  })
})
