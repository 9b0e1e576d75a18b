import { until } from '@bgs/testkit/until.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RealAccount, RecordRef } from './account.ts'
import type { RealConsumer } from './consumer.ts'
import { RealScene } from './scene.ts'
import { xrpc } from './xrpc.ts'

/** A first run installs and compiles. */
const SETUP_MS = 20 * 60_000
const STEP_MS = 120_000
const SEEN_MS = 60_000
const KILLS = 3

/**
 * What the PDSes acknowledge is written down in the scene's ledger; each consumer must be shown that, all of it,
 * exactly once. Of the DID documents about half have keys in the form of 2019, half as Multikey (e2e/real/plc.mjs).
 */
describe.each(['embedded', 'cluster'] as const)('real software, %s', { timeout: STEP_MS }, (way) => {
  let scene: RealScene
  /** Each step goes on from the one before. */
  let broken = false

  /** All that may be said at any time: nothing missing, twice, or of its own; in order; well-formed to its reader. */
  const everythingIsRight = async () => {
    await scene.everyConsumerSawAll()
    for (const consumer of scene.consumers) {
      expect.soft(consumer.changes(), consumer.name).toEqual(scene.ledger.lines())
      expect.soft(consumer.states(), consumer.name).toEqual(scene.ledger.states)
      expect.soft(consumer.outOfOrder(), consumer.name).toEqual([])
      expect.soft(consumer.complaints, consumer.name).toEqual([])
    }
  }

  beforeAll(async () => {
    scene = await RealScene.start(way)
  }, SETUP_MS)
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]()
  }, STEP_MS)
  beforeEach(({ skip }) => skip(broken, 'a step before this one failed'))
  afterEach(({ task }) => {
    broken ||= task.result?.state === 'fail'
  })

  test('PDSes that ask for a crawl with their first event are crawled from there', async () => {
    await scene.createAccounts(scene.pdsA, ['alice', 'bob', 'carol', 'dave', 'erin', 'mia'])
    await scene.createAccounts(scene.pdsB, ['frank', 'grace', 'heidi', 'ivan'])
    await everythingIsRight()
    const { hosts } = await xrpc(scene.relay.url, 'listHosts')
    for (const { hostname } of [scene.pdsA, scene.pdsB])
      expect(hosts).toContainEqual(expect.objectContaining({ hostname, status: 'active' }))
  })

  test('posts, likes, follows, updates, deletions and bulk writes', async () => {
    const { everyone } = scene
    const posts = await Promise.all(everyone.map((account) => writePosts(account, 10)))
    await Promise.all(
      everyone.map(async (account, i) => {
        const own = posts[i] as RecordRef[]
        const likes: RecordRef[] = []
        for (const post of posts[(i + 1) % posts.length] as RecordRef[]) likes.push(await account.like(post))
        for (const other of everyone) if (other !== account) await account.follow(other)
        for (const text of ['first', 'second', 'third']) await account.describe(text)
        for (const record of [...likes.slice(0, 3), ...own.slice(0, 1)]) await account.remove(record)
        const many = Array.from({ length: 60 }, (_, n) => `One of many, ${n}`)
        const bulk = await account.bulk(many, own.slice(1, 5))
        await account.bulk([], bulk.slice(10))
      }),
    )
    await everythingIsRight()
  })

  test('handles change, accounts sleep, wake and end', async () => {
    await scene.at('bob').changeHandle('bob-the-second.test')
    await scene.at('frank').changeHandle('frank-the-second.test')
    await scene.at('dave').deactivate()
    await scene.at('ivan').deactivate()
    await scene.at('dave').reactivate()
    await scene.at('dave').post('back again')
    await scene.at('erin').deleteAccount()
    await Promise.all(scene.present.map((account) => account.post('life goes on')))
    await everythingIsRight()
  })

  test('an account moves from one PDS to the other', async () => {
    const mia = scene.at('mia')
    await mia.moveTo(scene.pdsB)
    await mia.post('from the new house')
    await mia.describe('moved')
    await mia.remove(await mia.post('to be removed'))
    await scene.at('alice').post('the old house stands')
    await everythingIsRight()
  })

  test('the relay is stopped with SIGTERM and started again', async () => {
    expect(await scene.relay.end('SIGTERM'), scene.relay.lastLines).toEqual({ code: 0, signal: null })
    await Promise.all(scene.present.map((account) => account.post('said while nobody listened')))
    await scene.at('grace').changeHandle('grace-the-second.test')
    await scene.at('heidi').deactivate()
    await scene.at('heidi').reactivate()
    await scene.at('mia').describe('written while nobody listened')
    await scene.relay.start()
    await Promise.all(scene.present.map((account) => account.post('said after the start')))
    await everythingIsRight()
  })

  test('the relay is killed with SIGKILL under load and started again', async () => {
    const shown = () => scene.consumers[0]?.seen.length ?? 0
    const { ledger, relay } = scene
    let talking = true
    const talk = Promise.all(
      scene.present.map(async (account) => {
        while (talking) await account.post('talk, talk')
      }),
    )
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const before = shown()
        await until('a consumer is shown more', () => shown() > before + 40, SEEN_MS)
        await relay.end('SIGKILL')
        const acknowledged = ledger.changes.length
        await until('more is said', () => ledger.changes.length > acknowledged + 10, SEEN_MS)
        await relay.start()
      }
    } finally {
      talking = false
      await talk
    }
    await everythingIsRight()
  })

  test('what the relay answers about repos is what their PDSes answer', async () => {
    const { relay, present } = scene
    for (const { did, pds } of present) {
      const latest = await xrpc(pds.url, 'getLatestCommit', { did })
      const rev = async () => (await xrpc(relay.url, 'getLatestCommit', { did }))['rev']
      await until(
        `the relay knows the PDS's rev of ${did}`,
        async () => (await rev()) === latest['rev'],
        SEEN_MS,
      )
      expect.soft(await xrpc(relay.url, 'getLatestCommit', { did })).toEqual(latest)
      const status = await xrpc(pds.url, 'getRepoStatus', { did })
      expect.soft(await xrpc(relay.url, 'getRepoStatus', { did })).toEqual(status)

      const query = `/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`
      const redirect = await fetch(relay.url + query, { redirect: 'manual' })
      expect.soft([redirect.status, redirect.headers.get('location')]).toEqual([302, pds.url + query])
      const [followed, direct] = await Promise.all([fetch(relay.url + query), fetch(pds.url + query)])
      expect.soft(followed.headers.get('content-type')).toBe('application/vnd.ipld.car')
      const car = Buffer.from(await followed.arrayBuffer())
      expect.soft(car.equals(Buffer.from(await direct.arrayBuffer()))).toBe(true)
      expect.soft(car.length).toBeGreaterThan(1_000)
    }
    const { repos } = await xrpc(relay.url, 'listRepos', { limit: '1000' })
    const active = (repos as { did: string; active?: boolean }[]).filter((repo) => repo.active !== false)
    expect.soft(new Set(active.map(({ did }) => did))).toEqual(new Set(present.map(({ did }) => did)))
    expect.soft(active).toHaveLength(present.length)
    for (const [name, error, status] of [
      ['ivan', 'RepoDeactivated', 'deactivated'],
      ['erin', 'RepoNotFound', 'deleted'],
    ] as const) {
      const { did } = scene.at(name)
      expect.soft(await xrpc(relay.url, 'getLatestCommit', { did })).toMatchObject({ error })
      expect.soft(await xrpc(relay.url, 'getRepo', { did })).toMatchObject({ error })
      const told = await xrpc(relay.url, 'getRepoStatus', { did })
      expect.soft(told).toMatchObject({ did, active: false, status })
    }
  })

  test('one who comes late is shown the same, and all of it is what the PDSes offered', async () => {
    await scene.addConsumer('consume-skyware.mjs', '@skyware/firehose')
    await everythingIsRight()
    await scene.witnessesSawAll()
    const { consumers, pdsA, pdsB, everyone, ledger } = scene
    for (const consumer of consumers) {
      const told = consumer.stories()
      for (const account of everyone)
        if (account !== scene.at('mia'))
          expect
            .soft(told.get(account.did), `${consumer.name}, ${account.did}`)
            .toEqual(scene.offered(account.pds, account))

      // Of one who has moved: the old host's last word is not for it to say (protocol.md A-1), and the new host's
      // #sync carries the old commit, which the new key did not sign (C8).
      const [old, fresh] = [scene.offered(pdsA, scene.at('mia')), scene.offered(pdsB, scene.at('mia'))]
      expect.soft(old.at(-1)).toBe('account deactivated')
      const sync = fresh.findIndex((line) => line.startsWith('sync '))
      expect.soft(fresh.slice(0, sync)).toEqual(['identity', 'account active', 'identity'])
      expect
        .soft(told.get(scene.at('mia').did), `${consumer.name}, the one who has moved`)
        .toEqual([...old.slice(0, -1), ...fresh.toSpliced(sync, 1)])
    }
    expect.soft(lastHandles(consumers[0])).toEqual(ledger.handles)
    const [first, ...rest] = consumers.map(({ seen }) => seen.map(({ seq, type, did }) => [seq, type, did]))
    for (const others of rest) expect.soft(others).toEqual(first)
  })
})

async function writePosts(account: RealAccount, count: number): Promise<RecordRef[]> {
  const posts: RecordRef[] = []
  for (let i = 0; i < count; i++) posts.push(await account.post(`Post ${i}. ${'ä…🎈'.repeat(i)}`))
  return posts
}

/** By DID the handle in the document that the newest #identity led the consumer to. */
function lastHandles(consumer: RealConsumer | undefined): Map<string, string | undefined> {
  return new Map(
    (consumer?.seen ?? []).flatMap((said) => (said.type === 'identity' ? [[said.did, said.handle]] : [])),
  )
}
