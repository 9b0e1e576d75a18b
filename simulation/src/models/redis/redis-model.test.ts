import { setTimeout as after } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisModel } from './redis-model.ts'
import { startRedis } from './start-redis.ts'

type Options = Pick<RedisOptions, 'protocol' | 'retryStrategy' | 'maxRetriesPerRequest'>

let nowMs = Date.UTC(2026, 0, 1)
const model = new RedisModel({ chance: () => 0, now: () => nowMs })
const clients: Redis[] = []
let redis: Redis
beforeAll(async () => {
  await model.start()
  redis = await connected()
})
afterEach(async () => {
  Object.assign(model.mood, { commandMs: 0, refuses: false })
  model.flush()
  model.resume()
  await model.start()
})
afterAll(() => {
  for (const client of clients) client.disconnect()
  model.kill()
})

async function connected(options: Options = {}): Promise<Redis> {
  const { hostname, port } = new URL(model.url)
  const client = new Redis(Number(port), hostname, { lazyConnect: true, ...options })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

describe('keys', () => {
  it('expire by the clock of the server', async () => {
    await redis.set('a', '1', 'EX', 10)
    await redis.set('b', '1', 'PX', 1_500)
    expect([await redis.ttl('a'), await redis.ttl('b'), await redis.pttl('b')]).toEqual([10, 2, 1_500])
    nowMs += 1_501
    expect(await redis.mget('a', 'b')).toEqual(['1', null])
    expect([await redis.ttl('b'), await redis.incr('a'), await redis.ttl('a')]).toEqual([-2, 2, 8])
    expect([await redis.expire('a', 60), await redis.ttl('a'), await redis.expire('b', 1)]).toEqual([
      1, 60, 0,
    ])
    await redis.set('a', '1')
    expect([await redis.ttl('a'), await redis.del('a', 'b')]).toEqual([-1, 1])
    expect(await redis.time()).toEqual([String(Math.floor(nowMs / 1_000)), String((nowMs % 1_000) * 1_000)])
  })

  it('are set where there are none, or some, alone', async () => {
    expect(await redis.set('a', '1', 'NX')).toBe('OK')
    expect(await redis.set('a', '2', 'NX')).toBeNull()
    expect(await redis.get('a')).toBe('1')
    expect(await redis.set('b', '2', 'XX')).toBeNull()
    await redis.set('a', 'x')
    await expect(redis.incr('a')).rejects.toThrow('not an integer')
  })

  it('are all found by a scan, whatever goes meanwhile; some twice', async () => {
    for (let i = 0; i < 50; i++) await redis.set(`a*${i}`, '')
    await redis.set('other', '')
    const found: string[] = []
    for (let cursor = '0', i = 0; i === 0 || cursor !== '0'; i++) {
      const [next, keys] = await redis.scan(cursor, 'MATCH', 'a\\**', 'COUNT', 7)
      found.push(...keys)
      await redis.del('a*0', 'a*1', 'a*2')
      cursor = next
    }
    expect(new Set(found).size).toBe(50)
    expect(found.length).toBeGreaterThan(50)
  })

  it('hold any bytes, as names and as values, for clients of the older protocol as well', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const old = await connected({ protocol: 2 })
    await old.set(bytes, bytes)
    expect(await redis.getBuffer(bytes)).toEqual(bytes)
    expect(await old.getBuffer(bytes)).toEqual(bytes)
    expect([await old.get('none'), await old.mget('none')]).toEqual([null, [null]])
  })
})

describe('scripts', () => {
  it('reckon in doubles, and answer as Redis does', async () => {
    const script = `local time = redis.call('TIME')
      return { time[1] * 1000, 7.9, true, false, KEYS[1] .. ARGV[1], tostring(2^40), redis.call('SET', KEYS[1], ARGV[1]), 10 / 2, nil, 1 }`
    expect(await redis.eval(script, 1, 'k', 'v')).toEqual([
      Math.floor(nowMs / 1_000) * 1_000,
      7,
      1,
      null,
      'kv',
      '1099511627776',
      'OK',
      5,
    ])
    expect(await redis.eval("return redis.call('GET', KEYS[1]) == false", 1, 'none')).toBe(1)
  })

  it('fail with what is wrong with them', async () => {
    await expect(redis.eval("return redis.call('NONE')", 0)).rejects.toThrow("ERR unknown command 'NONE'")
    await expect(redis.eval('return 1 +', 0)).rejects.toThrow('ERR')
    await expect(redis.eval('return nothing.at.all', 0)).rejects.toThrow('index')
    expect(await redis.eval("return redis.pcall('NONE').err", 0)).toContain('unknown command')
    await redis.set('a', 'x')
    await expect(redis.eval("redis.call('INCR', 'a')", 0)).rejects.toThrow('not an integer')
  })

  it('are known by their sum, until the server is started again', async () => {
    const sha = (await redis.script('LOAD', 'return ARGV[1]')) as string
    expect(await redis.evalsha(sha, 0, 'x')).toBe('x')
    model.kill()
    await model.start()
    await expect(redis.evalsha(sha, 0, 'x')).rejects.toThrow('NOSCRIPT')
  })
})

describe('faults', () => {
  it('kill, cutConnections: connections break; after a kill all is forgotten', async () => {
    await redis.set('a', '1')
    const once = await connected({ retryStrategy: () => null, maxRetriesPerRequest: 0 })
    expect(model.cutConnections()).toBeGreaterThan(1)
    await expect(once.get('a')).rejects.toThrow('Connection is closed')
    expect(await redis.get('a')).toBe('1')
    model.kill()
    await expect(connected({ retryStrategy: () => null })).rejects.toThrow()
    await model.start()
    expect(await redis.get('a')).toBeNull()
  })

  it('hang: nothing is answered before it is over', async () => {
    const since = performance.now()
    model.hang(200)
    const asked = [redis.incr('a'), redis.incr('a')]
    expect(await Promise.race([asked[0], after(100)])).toBeUndefined()
    expect(await Promise.all(asked)).toEqual([1, 2])
    expect(performance.now() - since).toBeGreaterThan(190)
  })

  it('commandMs: commands take so long, one after the other for all', async () => {
    const other = await connected()
    model.mood.commandMs = 40
    const since = performance.now()
    expect(await Promise.all([redis.incr('a'), other.incr('a'), redis.incr('a')])).toHaveLength(3)
    expect(performance.now() - since).toBeGreaterThan(110)
  })

  it('refuses: whoever connects is sent away', async () => {
    model.mood.refuses = true
    await expect(connected({ retryStrategy: () => null })).rejects.toThrow()
  })
})

it('what is published is heard by those who listen, and counted', async () => {
  const [listener, both] = [await connected(), await connected({ protocol: 2 })]
  const heard: string[] = []
  listener.on('message', (channel, text) => heard.push(`listener ${channel} ${text}`))
  both.on('message', (channel, text) => heard.push(`both ${channel} ${text}`))
  await listener.subscribe('a')
  expect(await both.subscribe('a', 'b')).toBe(2)
  expect([
    await redis.publish('a', '1'),
    await redis.publish('b', '2'),
    await redis.publish('c', '3'),
  ]).toEqual([2, 1, 0])
  await both.unsubscribe('a')
  expect(await redis.publish('a', '4')).toBe(1)
  await expect.poll(() => heard).toEqual(['listener a 1', 'both a 1', 'both b 2', 'listener a 4'])
})

it('is started as the real one is', async () => {
  const server = await startRedis()
  const client = new Redis(server.url, { lazyConnect: true })
  await client.set('a', '1')
  await server.flush()
  expect(await client.get('a')).toBeNull()
  client.disconnect()
  await server[Symbol.asyncDispose]()
})
