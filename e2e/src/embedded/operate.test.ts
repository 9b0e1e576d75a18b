import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { FAULTS } from '@bgs/simnet/hostile.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { tempFolder } from '../harness/temp-folder.ts'

const PASSWORD = 'a-password'
/** An act must be seen downstream within so long. */
const SOON_MS = 2_000

interface Seen {
  readonly type: string
  readonly body: Record<string, unknown>
  readonly atMs: number
}

describe('what operators do, as seen from outside', () => {
  const folder = tempFolder()
  let network: SimNetwork
  let relay: RelayProcess
  let socket: WebSocket
  const seen: Seen[] = []

  const admin = async (path: string, body?: object, password = PASSWORD) => {
    const response = await fetch(`http://127.0.0.1:${relay.opsPort}/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify({ why: 'a test', ...body }) }),
    })
    return { status: response.status, json: (await response.json()) as Record<string, unknown> }
  }
  const act = async (path: string, body: object = {}) => {
    const { status, json } = await admin(path, body)
    expect([status, json]).toEqual([200, expect.anything()])
    return json
  }
  const account = (did: string) => `/accounts/${encodeURIComponent(did)}`
  const host = (name: string) => `/hosts/${encodeURIComponent(name)}`
  const commit = (did: string) => network.commit(did, (one) => one.post())
  const of = (did: string, from = 0) =>
    seen.slice(from).flatMap(({ type, body }) => {
      if (body['did'] !== did && body['repo'] !== did) return []
      return type === '#account' ? [`${type} ${body['status'] ?? body['active']}`] : [type]
    })
  const later = <T>(what: () => T) => expect.poll(what, { timeout: 10_000, interval: 20 })
  /** Runs a command of this project to its end. */
  const run = async (file: string, args: readonly string[], env: Record<string, string>) => {
    const path = fileURLToPath(new URL(`../../../${file}`, import.meta.url))
    const child = spawn(process.execPath, [path, ...args], { env: { PATH: process.env['PATH'], ...env } })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const [code] = (await once(child, 'exit')) as [number]
    return { code, output }
  }
  const command = (args: readonly string[]) =>
    run('relay/src/main.ts', args, {
      RELAY_HOST: '127.0.0.1',
      RELAY_PORT: String(relay.port),
      RELAY_OPS_PORT: String(relay.opsPort),
      RELAY_ADMIN_PASSWORD: PASSWORD,
    })
  const soon = <T>(what: () => T) => expect.poll(what, { timeout: SOON_MS, interval: 20 })

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: 21, hosts: 2, accountsPerHost: 4 })
    relay = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_DATA_DIR: folder.path,
      RELAY_ADMIN_PASSWORD: `the-old-one,${PASSWORD}`,
    })
    socket = new WebSocket(`${relay.url}?cursor=0`)
    socket.on('message', (data: Buffer) => {
      const { type, body } = decodeFrame(data)
      seen.push({ type, body, atMs: performance.now() })
    })
    const dids = [...network.residents.keys()]
    await until('every account to be seen', () => dids.every((did) => of(did).includes('#sync')), 20_000)
  })

  afterAll(async () => {
    socket?.terminate()
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  const dids = () => [...network.residents.keys()] as [string, string, string, string]
  const hostOf = (did: string) => network.resident(did).pds.hostname

  it('a takedown and its reversal are told at once; what was missed comes as a #sync', async () => {
    const [did] = dids()
    const from = seen.length
    await act(`${account(did)}/takedown`)
    await soon(() => of(did, from)).toEqual(['#account takendown'])
    await commit(did)
    await later(async () => (await admin(account(did))).json).toMatchObject({
      local: 'takendown',
      active: false,
      lastRefusal: { reason: 'account-inactive' },
    })
    await act(`${account(did)}/restore`)
    await soon(() => of(did, from)).toEqual(['#account takendown', '#account true', '#sync'])
    await commit(did)
    await soon(() => of(did, from).at(-1)).toBe('#commit')
    expect(seen.findLast(({ body }) => body['repo'] === did)?.body['since']).toBe(
      seen.findLast(({ type, body }) => type === '#sync' && body['did'] === did)?.body['rev'],
    )
  })

  it('a ban disconnects the host at once and stays over a restart; after it everything comes', async () => {
    const [did] = dids()
    const name = hostOf(did)
    const from = seen.length
    await act(`${host(name)}/ban`)
    await soon(async () => (await admin(host(name))).json).toMatchObject({
      status: 'banned',
      connected: false,
    })
    const missed = await commit(did)
    await relay.kill('SIGKILL')
    relay = await startRelayProcess(
      {
        ...network.relayEnv(),
        RELAY_DATA_DIR: folder.path,
        RELAY_ADMIN_PASSWORD: PASSWORD,
      },
      { port: relay.port, opsPort: relay.opsPort },
    )
    socket = new WebSocket(relay.url)
    socket.on('message', (data: Buffer) => {
      const { type, body } = decodeFrame(data)
      seen.push({ type, body, atMs: performance.now() })
    })
    expect((await admin(host(name))).json).toMatchObject({ status: 'banned', connected: false })
    const request = await fetch(`http://127.0.0.1:${relay.port}/xrpc/com.atproto.sync.requestCrawl`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hostname: name }),
    })
    expect(await request.json()).toMatchObject({ error: 'HostBanned' })
    await act(`${host(name)}/unban`)
    await later(() => of(did, from)).toContain('#commit')
    expect(missed).toBeGreaterThan(0)
  })

  it('pause and resume, and a limit of events, read a host later and lose nothing', async () => {
    const [did] = dids()
    const name = hostOf(did)
    await act(`${host(name)}/pause`)
    await soon(async () => (await admin(host(name))).json).toMatchObject({
      status: 'paused',
      connected: false,
    })
    const from = seen.length
    for (let i = 0; i < 120; i++) await commit(did)
    await act(`${host(name)}/limits`, { eventsPerSecond: 20 })
    await act(`${host(name)}/resume`)
    await later(() => of(did, from).length).toBe(120)
    const times = seen.slice(from).map(({ atMs }) => atMs)
    expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(700)
    await act(`${host(name)}/limits`, { eventsPerSecond: null })
  })

  it('accounts beyond a limit are throttled and know it; a higher limit releases them and tells what they missed', async () => {
    const [did] = dids()
    const name = hostOf(did)
    const { accounts } = (await admin(host(name))).json
    await act(`${host(name)}/limits`, { accounts })
    const late = await network.createAccount(network.resident(did).pds)
    const from = seen.length
    await later(() => of(late.did)).toContain('#account throttled')
    await commit(late.did)
    await later(async () => (await admin(account(late.did))).json).toMatchObject({
      local: 'throttled',
      heldRev: late.repo.rev,
    })
    await act(`${host(name)}/limits`, { accounts: Number(accounts) + 1 })
    await later(() => of(late.did, from).slice(-2)).toEqual(['#account true', '#sync'])
    expect(seen.findLast(({ type, body }) => type === '#sync' && body['did'] === late.did)?.body['rev']).toBe(
      late.repo.rev,
    )
  })

  it('a cursor that is reset has the host read anew, and nothing comes twice', async () => {
    const [did] = dids()
    const name = hostOf(did)
    const before = (await admin(host(name))).json
    const from = seen.length
    await act(`${host(name)}/reset-cursor`, { cursor: 0 })
    await later(async () => (await admin(host(name))).json).toMatchObject({
      epoch: Number(before['epoch']) + 1,
      connected: true,
      lastSeq: before['lastSeq'],
    })
    await commit(did)
    await later(() => of(did, from).filter((type) => type === '#commit')).toHaveLength(1)
  })

  it('whoever asks is told why; refused frames can be checked again offline, with the same outcome', async () => {
    const hostile = await network.addHostileHost()
    const { hostname } = hostile
    await act('/hosts', { hostname })
    await later(async () => (await admin(host(hostname))).json).toMatchObject({ connected: true })
    for (const fault of FAULTS) await hostile.send(fault)
    const page = (path: string) => fetch(`http://127.0.0.1:${relay.port}${path}`)
    type Said = { refusals: { reason: string; frames: number; advice: string; examples: object[] }[] }
    const said = async () => {
      const answer = await page(`/hosts/${encodeURIComponent(hostname)}?format=json`)
      return ((await answer.json()) as Said).refusals
    }
    // Each fault that breaks the stream ends the connection; and a page has a limit of its own.
    const slowly = <T>(what: () => T) => expect.poll(what, { timeout: 60_000, interval: 300 })
    await slowly(async () => (await said()).length).toBeGreaterThan(15)
    await slowly(async () =>
      (await said()).find(({ reason }) => reason === 'signature-invalid'),
    ).toMatchObject({
      advice: expect.stringContaining('#atproto key'),
      examples: expect.arrayContaining([expect.anything()]),
    })
    const html = await (await page(`/hosts/${encodeURIComponent(hostname)}`)).text()
    expect(html).toContain('<code>signature-invalid</code>')

    const file = join(folder.path, 'refused.jsonl.gz')
    const cli = await command(['refused', 'download', '--out', file, '--json'])
    expect(cli).toMatchObject({ code: 0 })
    const checked = await run('relay/src/conformance/main.ts', [file], {})
    const cases = checked.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; pass: boolean })
    expect(cases.length).toBeGreaterThan(15)
    expect(cases.filter(({ pass }) => !pass)).toEqual([])
  })

  it('the command line does what the API does', async () => {
    const [did] = dids()
    const listed = JSON.parse((await command(['hosts', 'list', '--json'])).output) as { hosts: object[] }
    expect(listed.hosts.length).toBeGreaterThanOrEqual(2)
    expect((await command(['hosts', 'list'])).output).toContain(hostOf(did))
    expect(await command(['accounts', 'takedown', did, '--why', 'a test'])).toMatchObject({ code: 0 })
    expect((await command(['accounts', 'list', '--local', 'takendown'])).output).toContain(did)
    expect(await command(['accounts', 'restore', did, '--why', 'a test'])).toMatchObject({ code: 0 })
    expect((await command(['accounts', 'show', 'did:plc:nobody'])).code).toBe(1)
    expect((await command(['accounts', 'takedown', did])).code, 'without a reason').toBe(2)
    expect((await command(['hosts', 'list', '--did', 'x'])).code).toBe(2)
    const tail = command(['tail', '--count', '1', '--type', 'commit', '--did', did, '--json'])
    let isDone = false
    void tail.then(() => {
      isDone = true
    })
    while (!isDone) {
      await commit(did)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(JSON.parse((await tail).output)).toMatchObject({
      type: '#commit',
      did,
      ops: [expect.stringContaining('create ')],
    })
  })

  it('subscribers are seen, with what they lack, and can be sent away', async () => {
    const { json } = await admin('/consumers')
    const [one] = json['consumers'] as { id: string; address: string; next: number }[]
    expect(one).toMatchObject({ address: '127.0.0.1', next: Number(json['head']) + 1 })
    const closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)))
    await act(`/consumers/${one?.id}/disconnect`)
    expect(await closed).toBe(1008)
  })

  it('every act is in the audit log, with who and why', async () => {
    const { json } = await admin('/audit?limit=50')
    const entries = json['entries'] as { act: string; who: string; why: string; subject: string }[]
    const acts = new Set(entries.map(({ act }) => act))
    for (const one of [
      'account takedown',
      'account restore',
      'host ban',
      'host unban',
      'host pause',
      'consumer disconnect',
    ])
      expect(acts).toContain(one)
    for (const { who, why } of entries)
      expect([who, why]).toEqual([expect.stringMatching(/^admin \(password \d\) from /), 'a test'])
  })

  it('nobody else gets in: wrong passwords, pages of other sites, acts without a reason', async () => {
    expect((await admin('/hosts', undefined, 'wrong')).status).toBe(401)
    const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
    const url = `http://127.0.0.1:${relay.opsPort}/admin/hosts`
    const foreign = { authorization, origin: 'https://evil.example', 'content-type': 'application/json' }
    expect((await fetch(url, { method: 'POST', headers: foreign, body: '{}' })).status).toBe(403)
    const form = { authorization, 'content-type': 'text/plain' }
    expect((await fetch(url, { method: 'POST', headers: form, body: '{}' })).status).toBe(415)
    const [did] = dids()
    expect((await admin(`${account(did)}/takedown`, { why: ' ' })).status).toBe(400)
    for (let i = 0; i < 12; i++) await admin('/hosts', undefined, 'wrong')
    expect((await admin('/hosts', undefined, 'wrong')).status).toBe(429)
    expect((await admin('/hosts')).status, 'the right one still does').toBe(200)
  })
})
