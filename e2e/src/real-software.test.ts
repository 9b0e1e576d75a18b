import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RealAccount, type RecordRef } from './real-account.ts'
import { type AgentClass, importAgent } from './real-api.ts'
import { type ConsumerProgram, RealConsumer } from './real-consumer.ts'
import { installRealSoftware } from './real-install.ts'
import { Ledger } from './real-ledger.ts'
import { type RealPds, startPds } from './real-pds.ts'
import { type RealPlc, startPlc } from './real-plc.ts'
import { RealRelay } from './real-relay.ts'
import { RunFolder } from './real-run-folder.ts'
import { until } from './real-until.ts'
import { xrpc } from './real-xrpc.ts'

/** A first run installs and compiles. */
const SETUP_MS = 20 * 60_000
const STEP_MS = 120_000
const SEEN_MS = 60_000

/**
 * The relay's own command between software of others: the PLC directory, two PDSes and the API client of the
 * reference implementation on one side, its verifying consumer and two of other authors on the other. What the
 * PDSes acknowledge is written down in the ledger; each consumer must be shown that, all of it, exactly once.
 */
describe('real software', () => {
  const stack = new AsyncDisposableStack()
  const ledger = new Ledger()
  const accounts = new Map<string, RealAccount>()
  let Agent: AgentClass
  let folder: RunFolder
  let plc: RealPlc
  let pdsA: RealPds
  let pdsB: RealPds
  let relay: RealRelay
  /** At the relay. */
  let consumers: RealConsumer[]
  /** One at each PDS: what the relay was offered. */
  let witnesses: { a: RealConsumer; b: RealConsumer }

  const at = (name: string) => accounts.get(name) as RealAccount
  const all = () => [...accounts.values()]
  /** Those who still have an active account. */
  const present = () => all().filter(({ did }) => ledger.states.get(did)?.at(-1) === 'active')
  const consume = async (program: ConsumerProgram, url: string, name: string) =>
    stack.use(await RealConsumer.start(folder, program, url, plc.url, name))
  const everyoneSawAll = async () => {
    await Promise.all(consumers.map((consumer) => consumer.sawAll(ledger, SEEN_MS)))
    judge()
  }
  /** All that may be said at any time: nothing twice, nothing else, in order, and nothing a library frowned on. */
  const judge = () => {
    for (const consumer of consumers) {
      expect.soft(consumer.changes(), consumer.name).toEqual(ledger.lines())
      expect.soft(consumer.outOfOrder(), consumer.name).toEqual([])
      expect.soft(consumer.complaints, consumer.name).toEqual([])
    }
  }

  beforeAll(async () => {
    const software = await installRealSoftware()
    Agent = await importAgent(software)
    folder = stack.use(await RunFolder.create(software))
    plc = await startPlc(folder)
    stack.use(plc.process)
    relay = stack.use(await RealRelay.create(plc.url, join(folder.path, 'relay')))
    const start = async (name: string) => {
      const pds = await startPds(folder, name, plc.url, relay.url)
      stack.use(pds.process)
      return pds
    }
    ;[pdsA, pdsB] = await Promise.all([start('pds-a'), start('pds-b'), relay.start()])
    const [sync, atcute, a, b] = await Promise.all([
      consume('consume-atproto-sync.mjs', relay.url, '@atproto/sync'),
      consume('consume-atcute.mjs', relay.url, '@atcute/firehose'),
      consume('consume-atcute.mjs', pdsA.url, 'witness of PDS A'),
      consume('consume-atcute.mjs', pdsB.url, 'witness of PDS B'),
    ])
    consumers = [sync, atcute]
    witnesses = { a, b }
  }, SETUP_MS)

  afterAll(async () => {
    await stack.disposeAsync()
  }, STEP_MS)

  test('PDSes that ask for a crawl with their first event are crawled from there', { timeout: STEP_MS }, async () => {
    for (const [pds, names] of [
      [pdsA, ['alice', 'bob', 'carol', 'dave', 'erin', 'mia']],
      [pdsB, ['frank', 'grace', 'heidi', 'ivan']],
    ] as const)
      for (const name of names) accounts.set(name, await RealAccount.create(Agent, pds, name, ledger))
    await everyoneSawAll()
    const { hosts } = await xrpc(relay.url, 'listHosts')
    expect(hosts).toMatchObject(
      expect.arrayContaining(
        [pdsA, pdsB].map(({ hostname }) => expect.objectContaining({ hostname, status: 'active' })),
      ),
    )
  })

  test('posts, likes, follows, updates, deletions and bulk writes', { timeout: STEP_MS }, async () => {
    const posts = await Promise.all(
      all().map(async (account) => {
        const own: RecordRef[] = []
        for (let i = 0; i < 10; i++) own.push(await account.post(`Post ${i} of ${account.did}. ${'ä…🎈'.repeat(i)}`))
        return own
      }),
    )
    await Promise.all(
      all().map(async (account, i) => {
        const own = posts[i] as RecordRef[]
        const others = posts[(i + 1) % posts.length] as RecordRef[]
        const likes: RecordRef[] = []
        for (const post of others) likes.push(await account.like(post))
        for (const other of all()) if (other !== account) await account.follow(other)
        for (const text of ['first', 'second', 'third']) await account.describe(text)
        for (const like of likes.slice(0, 3)) await account.remove(like)
        await account.remove(own[0] as RecordRef)
        const many = Array.from({ length: 60 }, (_, n) => `One of many, ${n}`)
        const bulk = await account.bulk(many, own.slice(1, 5))
        await account.bulk([], bulk.slice(10))
      }),
    )
    await everyoneSawAll()
  })

  test('handles change, accounts sleep, wake and end', { timeout: STEP_MS }, async () => {
    await at('bob').changeHandle('bob-the-second.test')
    await at('frank').changeHandle('frank-the-second.test')
    await at('dave').deactivate()
    await at('ivan').deactivate()
    await at('dave').reactivate()
    await at('dave').post('back again')
    await at('erin').deleteAccount()
    await Promise.all(present().map((account) => account.post('life goes on')))
    await everyoneSawAll()
    expect(lastHandles(consumers[0])).toMatchObject(Object.fromEntries(ledger.handles))
  })

  test('an account moves from one PDS to the other', { timeout: STEP_MS }, async () => {
    const mia = at('mia')
    await mia.moveTo(pdsB)
    await mia.post('from the new house')
    await mia.describe('moved')
    const post = await mia.post('to be removed')
    await mia.remove(post)
    await at('alice').post('the old house stands')
    await everyoneSawAll()
    const { hosts } = await xrpc(relay.url, 'listHosts')
    expect(hosts).toHaveLength(2)
  })

  test('the relay is stopped with SIGTERM and started again', { timeout: STEP_MS }, async () => {
    expect(await relay.end('SIGTERM'), relay.lastLines).toEqual({ code: 0, signal: null })
    await Promise.all(present().map((account) => account.post('said while nobody listened')))
    await at('grace').changeHandle('grace-the-second.test')
    await at('heidi').deactivate()
    await at('heidi').reactivate()
    await at('mia').describe('written while nobody listened')
    await relay.start()
    await Promise.all(present().map((account) => account.post('said after the start')))
    await everyoneSawAll()
  })

  test('the relay is killed with SIGKILL under load and started again', { timeout: STEP_MS }, async () => {
    const before = ledger.changes.length
    let talking = true
    const talk = Promise.all(
      present().map(async (account) => {
        for (let i = 0; talking && i < 400; i++) await account.post(`talk ${i}`)
      }),
    )
    for (let kill = 0; kill < 3; kill++) {
      const target = (consumers[0]?.seen.length ?? 0) + 40
      await until('the consumer is shown more', SEEN_MS, () => (consumers[0]?.seen.length ?? 0) > target)
      await relay.end('SIGKILL')
      const acknowledged = ledger.changes.length
      await until('more is said', SEEN_MS, () => ledger.changes.length > acknowledged)
      await relay.start()
    }
    talking = false
    await talk
    expect(ledger.changes.length).toBeGreaterThan(before + 120)
    await everyoneSawAll()
  })

  test('what the relay answers about repos is what their PDSes answer', { timeout: STEP_MS }, async () => {
    for (const account of present()) {
      const { did, pds } = account
      const latest = await xrpc(pds.url, 'getLatestCommit', { did })
      await until(
        `getLatestCommit of ${did} is the PDS's`,
        SEEN_MS,
        async () => (await xrpc(relay.url, 'getLatestCommit', { did }))['rev'] === latest['rev'],
      )
      expect.soft(await xrpc(relay.url, 'getLatestCommit', { did })).toEqual(latest)
      expect
        .soft(await xrpc(relay.url, 'getRepoStatus', { did }))
        .toEqual(await xrpc(pds.url, 'getRepoStatus', { did }))
      const query = `/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`
      const redirect = await fetch(relay.url + query, { redirect: 'manual' })
      expect.soft([redirect.status, redirect.headers.get('location')]).toEqual([302, pds.url + query])
      const [viaRelay, direct] = await Promise.all([fetch(relay.url + query), fetch(pds.url + query)])
      expect.soft(viaRelay.headers.get('content-type')).toBe('application/vnd.ipld.car')
      const car = Buffer.from(await viaRelay.arrayBuffer())
      expect.soft(car.equals(Buffer.from(await direct.arrayBuffer()))).toBe(true)
      expect.soft(car.length).toBeGreaterThan(1_000)
    }
    const { repos } = await xrpc(relay.url, 'listRepos', { limit: '1000' })
    const active = (repos as { did: string; active?: boolean }[]).filter((repo) => repo.active !== false)
    expect.soft(active.map(({ did }) => did).sort()).toEqual(present().map(({ did }) => did).sort())
    for (const [name, error, status] of [
      ['ivan', 'RepoDeactivated', 'deactivated'],
      ['erin', 'RepoNotFound', 'deleted'],
    ] as const) {
      const { did } = at(name)
      expect.soft(await xrpc(relay.url, 'getLatestCommit', { did })).toMatchObject({ error })
      expect.soft(await xrpc(relay.url, 'getRepo', { did })).toMatchObject({ error })
      expect.soft(await xrpc(relay.url, 'getRepoStatus', { did })).toMatchObject({ did, active: false, status })
    }
  })

  test('one who comes late is shown the same, and all of it is what the PDSes offered', { timeout: STEP_MS }, async () => {
    consumers.push(await consume('consume-skyware.mjs', relay.url, '@skyware/firehose'))
    await everyoneSawAll()
    const { a, b } = witnesses
    const mia = at('mia').did
    for (const consumer of consumers) {
      const told = consumer.stories()
      for (const { did, pds } of all()) {
        const [fromA, fromB] = [a, b].map((witness) => witness.stories().get(did) ?? []) as [string[], string[]]
        // The old host's last word on one who has left is not for it to say.
        const offered =
          did === mia ? [...fromA.filter((story) => story !== 'account false deactivated'), ...fromB] : pds === pdsA ? fromA : fromB
        expect.soft(told.get(did), `${consumer.name}, ${did}`).toEqual(offered)
      }
    }
    const [first, ...rest] = consumers.map(({ seen }) => seen.map(({ seq, type, did }) => `${seq} ${type} ${did}`))
    for (const others of rest) expect.soft(others).toEqual(first)
  })
})

/** By DID the handle in the document that the newest #identity led the consumer to. */
function lastHandles(consumer: RealConsumer | undefined): Record<string, string | undefined> {
  return Object.fromEntries(
    (consumer?.seen ?? []).flatMap((said) => (said.type === 'identity' ? [[said.did, said.handle]] : [])),
  )
}
