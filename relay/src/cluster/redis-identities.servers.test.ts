import { openRedis } from '@bgs/cluster/redis/redis.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import type { Identity } from '@bgs/verifier/identity/document.ts'
import { Identities } from '@bgs/verifier/identity/identities.ts'
import { verifierMetrics } from '@bgs/verifier/metrics.ts'
import { identityOf } from '@bgs/verifier/testing/identity.ts'
import type { Redis } from 'ioredis'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { RedisIdentities } from './redis-identities.ts'

let server: Awaited<ReturnType<typeof startRedis>>
let redis: Redis
let shared: RedisIdentities
beforeAll(async () => {
  server = await startRedis()
  redis = openRedis(server.url, new ServerHealth('Redis', silentLogger))
  shared = new RedisIdentities(redis, 'test.')
  await until('Redis answers', () => redis.status === 'ready')
})
afterAll(async () => {
  redis?.disconnect()
  await server?.[Symbol.asyncDispose]()
})

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const entry = (startedMs: number, handle: string) => ({ startedMs, found: { did: DID, handle } as Identity })
const known = async () => (await shared.get(DID))?.found.handle
/** So much older than it was noted an entry is taken to be: Redis's clock may be set back. */
const SKEW_MS = 10_000

it('invariant 13: what one verifier found serves the others, and never replaces what was looked up later', async () => {
  const at = monotonicMs() - 10_000
  expect(await known()).toBeUndefined()
  shared.put(entry(at + 2_000, 'second.test'))
  await expect.poll(known).toBe('second.test')
  shared.put(entry(at + 1_000, 'first.test'))
  shared.put(entry(at + 3_000, 'third.test'))
  await expect.poll(known).toBe('third.test')
  shared.put(entry(at + 2_500, 'late.test'))
  await redis.ping()
  const kept = await shared.get(DID)
  expect(kept?.found.handle).toBe('third.test')
  const youngerMs = (kept?.startedMs ?? 0) + SKEW_MS - (at + 3_000)
  // Never younger than it is, but for the whole milliseconds that are told.
  expect(youngerMs).toBeLessThan(1)
  expect(youngerMs).toBeGreaterThan(-100)
})

it("goes by Redis's clock alone: whoever looked up has the time of day that it has", async () => {
  await server.flush()
  const [time] = await redis.time()
  // As it lies there when Redis's clock was set back by ten minutes since.
  await redis.set(
    `test.identity:${DID}`,
    `${(Number(time) + 600) * 1_000} ${JSON.stringify(entry(0, 'x').found)}`,
  )
  expect(await known()).toBeUndefined()
  const startedMs = monotonicMs()
  const setBack = vi.spyOn(Date, 'now').mockReturnValue(0)
  shared.put(entry(startedMs, 'now.test'))
  await expect.poll(known).toBe('now.test')
  expect((await shared.get(DID))?.startedMs).toBeGreaterThan(startedMs - SKEW_MS - 100)
  setBack.mockRestore()
})

it('takes nothing as younger than it is, however late Redis hears of it', async () => {
  await server.flush()
  expect(await known()).toBeUndefined()
  const startedMs = monotonicMs()
  server.pause()
  shared.put(entry(startedMs, 'late.test'))
  await wait(400)
  server.resume()
  await expect.poll(known).toBe('late.test')
  expect((await shared.get(DID))?.startedMs).toBeLessThan(startedMs - SKEW_MS + 1)
})

it('is done without while Redis is away, at once, and forgets what Redis forgets', async () => {
  await server.flush()
  expect(await known()).toBeUndefined()
  shared.put(entry(1, 'a.test'))
  await server.kill()
  expect(await known()).toBeUndefined()
  shared.put(entry(2, 'b.test'))
  await server.start()
  await until('Redis answers', () => redis.status === 'ready')
  shared.put(entry(3, 'c.test'))
  await expect.poll(known).toBe('c.test')
})

describe('the verifiers of a cluster', () => {
  const HOST = 'pds.example.com'
  let plc: PlcDirectory
  const stop = new AbortController()
  beforeEach(async () => {
    await server.flush()
    plc = await PlcDirectory.start()
    register(HOST)
  })
  afterEach(() => plc.close())

  function register(pds: string): void {
    const { keyMultibase } = identityOf('')
    const key = { curve: 'k256', multikey: keyMultibase, legacyMultibase: '' } as const
    plc.register({ did: DID, handle: 'a.example.com', pds: `https://${pds}`, key })
  }
  const verifier = () =>
    new Identities(
      { plcUrl: plc.url, allowPrivate: true, userAgent: 'test', timeoutMs: 3_000 },
      verifierMetrics(new Registry()),
      undefined,
      stop.signal,
      shared,
    )
  const pdsOf = async (identities: Identities, notBeforeMs = Number.NEGATIVE_INFINITY) => {
    const result = await identities.fetch(DID, HOST, notBeforeMs)
    return result.kind === 'found' ? result.identity.pdsHost : result.kind
  }

  it('D9: ask the directory once for all of them', async () => {
    const [first, second] = [verifier(), verifier()]
    expect(await pdsOf(first)).toBe(HOST)
    await expect.poll(async () => (await shared.get(DID))?.found.pdsHost).toBe(HOST)
    expect(await pdsOf(second)).toBe(HOST)
    expect(second.known(DID, monotonicMs())?.found).toMatchObject({ did: DID, pdsHost: HOST })
    expect(plc.requestsFor(DID)).toBe(1)
  })

  it('C8: ask again where what is known began too early; the others have that from then on', async () => {
    const [first, second, third, fourth] = [verifier(), verifier(), verifier(), verifier()]
    await pdsOf(first)
    await expect.poll(async () => (await shared.get(DID))?.found.pdsHost).toBe(HOST)
    register('new.example.com')
    const notBeforeMs = monotonicMs()
    expect(await pdsOf(second, notBeforeMs)).toBe('new.example.com')
    await expect.poll(async () => (await shared.get(DID))?.found.pdsHost).toBe('new.example.com')
    expect(await pdsOf(third)).toBe('new.example.com')
    expect(plc.requestsFor(DID)).toBe(2)
    // Redis's clock may have been set back since: what was noted a moment ago proves nothing about what came a moment ago.
    expect(await pdsOf(fourth, notBeforeMs)).toBe('new.example.com')
    expect(plc.requestsFor(DID)).toBe(3)
    const longAgoMs = notBeforeMs - SKEW_MS - 1_000
    expect(await pdsOf(verifier(), longAgoMs)).toBe('new.example.com')
    expect(plc.requestsFor(DID)).toBe(3)
  })

  it.each(['kill', 'pause'] as const)(
    'ask the directory themselves while Redis is away (%s)',
    async (how) => {
      const first = verifier()
      if (how === 'kill') await server.kill()
      else server.pause()
      expect(await pdsOf(first)).toBe(HOST)
      expect(await pdsOf(verifier())).toBe(HOST)
      expect(plc.requestsFor(DID)).toBe(2)
      if (how === 'kill') await server.start()
      else server.resume()
      await expect.poll(() => redis.ping().catch(() => ''), { timeout: 10_000 }).toBe('PONG')
      await pdsOf(first, monotonicMs())
      await expect.poll(async () => (await shared.get(DID))?.found.pdsHost).toBe(HOST)
      const before = plc.requestsFor(DID)
      expect(await pdsOf(verifier())).toBe(HOST)
      expect(plc.requestsFor(DID)).toBe(before)
    },
  )
})
