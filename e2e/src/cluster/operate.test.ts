import { decodeFrame } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { TestCluster } from './cluster.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const PASSWORD = 'a-password'
/** An act must be seen downstream on every node within so long. */
const SOON_MS = 2_000

/** A subscriber of one node that notes what it is told of whom. */
class Reader {
  readonly seen: { readonly did: string; readonly what: string }[] = []
  readonly socket: WebSocket

  constructor(url: string) {
    this.socket = new WebSocket(`${url}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`)
    this.socket.on('message', (data: Buffer) => {
      const { type, body } = decodeFrame(data)
      const what = type === '#account' ? `#account ${body['status'] ?? body['active']}` : type
      this.seen.push({ did: String(body['did'] ?? body['repo']), what })
    })
  }

  of(did: string): string[] {
    return this.seen.flatMap((one) => (one.did === did ? [one.what] : []))
  }
}

describe(`what operators do with a cluster (TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  let readers: Reader[]
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED, env: { RELAY_ADMIN_PASSWORD: PASSWORD } })
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 2, fanout: 2 })
    readers = cluster.urls().map((url) => new Reader(url))
    const dids = [...cluster.network.residents.keys()]
    await until(
      'every account is seen on both nodes',
      () => readers.every((reader) => dids.every((did) => reader.of(did).includes('#sync'))),
      60_000,
    )
  })
  afterAll(async () => {
    for (const { socket } of readers ?? []) socket.terminate()
    await cluster?.[Symbol.asyncDispose]()
  })

  /** Asks one of the nodes, whichever. */
  const admin = async (path: string, body?: object, node = 0) => {
    const { opsPort } = cluster.of('fanout')[node] as { opsPort: number }
    const response = await fetch(`http://127.0.0.1:${opsPort}/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify({ why: 'a test', ...body }) }),
    })
    const json = (await response.json()) as Record<string, unknown>
    expect([response.status, json]).toEqual([200, expect.anything()])
    return json
  }
  const account = (did: string) => `/accounts/${encodeURIComponent(did)}`
  const soon = <T>(what: () => T) => expect.poll(what, { timeout: SOON_MS, interval: 20 })

  it('metrics are those of all processes, whichever node is asked', async () => {
    for (const node of [0, 1]) {
      const metricsOf = async () => {
        const { processes, figures } = (await admin('/figures', undefined, node)) as {
          processes: { role: string }[]
          figures: Record<string, { labels: object; value: number }[]>
        }
        return [processes.map(({ role }) => role).sort(), figures['relay_fanout_subscribers']]
      }
      await expect
        .poll(metricsOf, { timeout: 10_000 })
        .toEqual([
          ['crawler', 'crawler', 'fanout', 'fanout', 'sequencer', 'verifier'],
          [{ labels: {}, value: readers.length }],
        ])
    }
  })

  it('a takedown through one node is seen on both within two seconds, its reversal too', async () => {
    const [did = ''] = cluster.network.residents.keys()
    await admin(`${account(did)}/takedown`, {})
    await soon(() => readers.map((reader) => reader.of(did).at(-1))).toEqual(
      readers.map(() => '#account takendown'),
    )
    await admin(`${account(did)}/restore`, {}, 1)
    await soon(() => readers.map((reader) => reader.of(did).at(-1))).toEqual(
      readers.map(() => '#account true'),
    )
  })

  it('the live sample shows the newest events of the stream, of many appends', async () => {
    const shown = async (node: number) =>
      (await admin('/events?limit=20', undefined, node)) as { events: { seq: number }[] }
    const { events } = await shown(0)
    expect(events).toHaveLength(20)
    // Each append has 4,096 seqs.
    expect(new Set(events.map(({ seq }) => Math.floor(seq / 4_096))).size).toBeGreaterThan(1)
    await expect.poll(async () => (await shown(1)).events).toEqual((await shown(0)).events)
  })

  it('a ban of a host disconnects it, wherever it is crawled, and stays; after it everything comes', async () => {
    const [did = ''] = cluster.network.residents.keys()
    const { hostname } = cluster.network.resident(did).pds
    const host = `/hosts/${encodeURIComponent(hostname)}`
    await admin(`${host}/ban`, {})
    await soon(() => admin(host, undefined, 1)).toMatchObject({ status: 'banned', connected: false })
    const before = readers.map((reader) => reader.of(did).length)
    await cluster.network.commit(did, (one) => one.post())
    await expect.poll(async () => admin(host)).toMatchObject({ status: 'banned', connected: false })
    await admin(`${host}/unban`, {}, 1)
    await expect
      .poll(() => readers.map((reader) => reader.of(did).length), { timeout: 10_000 })
      .toEqual(before.map((count) => count + 1))
  })

  it('limits hold in order, and what was throttled is released with what it missed', async () => {
    const [did = ''] = cluster.network.residents.keys()
    const { pds } = cluster.network.resident(did)
    const host = `/hosts/${encodeURIComponent(pds.hostname)}`
    const { accounts } = await admin(host)
    await admin(`${host}/limits`, { accounts })
    const late = await cluster.network.createAccount(pds)
    const last = () => readers.map((reader) => reader.of(late.did).at(-1))
    await expect.poll(last, { timeout: 10_000 }).toEqual(readers.map(() => '#account throttled'))
    await cluster.network.commit(late.did, (one) => one.post())
    await expect
      .poll(() => admin(account(late.did)), { timeout: 10_000 })
      .toMatchObject({ local: 'throttled', heldRev: late.repo.rev })
    await admin(`${host}/limits`, { accounts: Number(accounts) + 1 })
    await expect
      .poll(() => readers.map((reader) => reader.of(late.did).slice(-2)), { timeout: 10_000 })
      .toEqual(readers.map(() => ['#account true', '#sync']))
  })

  it('subscribers of all nodes are seen from any, and can be sent away from any', async () => {
    type Listed = { consumers: { id: string; address: string }[] }
    await expect
      .poll(async () => ((await admin('/consumers')) as unknown as Listed).consumers.length, {
        timeout: 10_000,
      })
      .toBe(2)
    const { consumers } = (await admin('/consumers')) as unknown as Listed
    const closed = readers.map(
      ({ socket }) => new Promise<number>((resolve) => socket.once('close', (code: number) => resolve(code))),
    )
    for (const { id } of consumers) await admin(`/consumers/${id}/disconnect`, {}, 1)
    expect(await Promise.all(closed)).toEqual([1008, 1008])
  })

  it('the overview says who is there and who leads', async () => {
    const { members, partitions } = (await admin('/overview')) as unknown as {
      members: { id: string; role: string }[]
      partitions: { topic: string; owner: string | null }[]
    }
    expect(members.map(({ role }) => role).sort()).toEqual(['crawler', 'crawler', 'sequencer', 'verifier'])
    const leader = partitions.find(({ topic }) => topic === 'sequenced')?.owner
    expect(members.find(({ id }) => id === leader)?.role).toBe('sequencer')
  })
})
