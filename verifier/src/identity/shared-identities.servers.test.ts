import { openRedis } from '@bgs/shared/redis/redis.ts'
import { ServerHealth } from '@bgs/shared/service/server-health.ts'
import { startRedis } from '@bgs/shared/testing/servers/redis.ts'
import { silentLogger } from '@bgs/shared/testing/silent-logger.ts'
import { until } from '@bgs/shared/testing/until.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import type { Redis } from 'ioredis'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { verifierMetrics } from '../metrics.ts'
import { identityOf } from '../testing/identity.ts'
import type { Identity } from './document.ts'
import { Identities } from './identities.ts'
import { RedisIdentities } from './shared-identities.ts'

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

it('invariant 13: what one verifier found serves the others, and never replaces what was looked up later', async () => {
  expect(await known()).toBeUndefined()
  shared.put(entry(2_000, 'second.test'))
  await expect.poll(known).toBe('second.test')
  shared.put(entry(1_000, 'first.test'))
  shared.put(entry(3_000, 'third.test'))
  await expect.poll(known).toBe('third.test')
  shared.put(entry(2_500, 'late.test'))
  await redis.ping()
  expect(await shared.get(DID)).toEqual(entry(3_000, 'third.test'))
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
  const pdsOf = async (identities: Identities, notBeforeMs = 0) => {
    const result = await identities.fetch(DID, HOST, notBeforeMs)
    return result.kind === 'found' ? result.identity.pds : result.kind
  }

  it('D9: ask the directory once for all of them', async () => {
    const [first, second] = [verifier(), verifier()]
    expect(await pdsOf(first)).toBe(HOST)
    await expect.poll(async () => (await shared.get(DID))?.found.pds).toBe(HOST)
    expect(await pdsOf(second)).toBe(HOST)
    expect(second.known(DID, Date.now())?.found).toMatchObject({ did: DID, pds: HOST })
    expect(plc.requestsFor(DID)).toBe(1)
  })

  it('C8: ask again where what is known began too early; the others have that from then on', async () => {
    const [first, second, third] = [verifier(), verifier(), verifier()]
    await pdsOf(first)
    await expect.poll(async () => (await shared.get(DID))?.found.pds).toBe(HOST)
    register('new.example.com')
    const notBeforeMs = Date.now() + 1
    await until('a later moment', () => Date.now() >= notBeforeMs)
    expect(await pdsOf(second, notBeforeMs)).toBe('new.example.com')
    await expect.poll(async () => (await shared.get(DID))?.found.pds).toBe('new.example.com')
    expect(await pdsOf(third, notBeforeMs)).toBe('new.example.com')
    expect(plc.requestsFor(DID)).toBe(2)
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
      await pdsOf(first, Date.now())
      await expect.poll(async () => (await shared.get(DID))?.found.pds).toBe(HOST)
      const before = plc.requestsFor(DID)
      expect(await pdsOf(verifier())).toBe(HOST)
      expect(plc.requestsFor(DID)).toBe(before)
    },
  )
})
