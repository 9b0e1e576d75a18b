import { until } from '@bgs/testkit/until.ts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Client, did, entry, Scene } from '../testing/scene.ts'

const FIRST = 2 ** 32
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

let scene: Scene
afterEach(() => scene[Symbol.asyncDispose]())

describe('Q2–Q5: where a subscription begins', () => {
  const before = [[entry(1), entry(2)], [entry(3)], [entry(4), entry(5), entry(6)]]

  it.each([
    ['no cursor', undefined, []],
    ['0', 0, range(FIRST, FIRST + 5)],
    ['the middle of a batch', FIRST + 3, [FIRST + 4, FIRST + 5]],
    ['the newest', FIRST + 5, []],
    ['below the oldest, of which nothing was evicted', 17, range(FIRST, FIRST + 5)],
  ])('%s, then live', async (_name, cursor, replayed) => {
    scene = await Scene.open({ before })
    const client = scene.connect(cursor)
    await client.opened()
    await client.has(replayed.length)
    await scene.log.append([entry(7)])
    await client.has(replayed.length + 1)
    expect(client.seqs).toEqual([...replayed, FIRST + 6])
  })

  it('Q5: the future: an error frame, then 1008', async () => {
    scene = await Scene.open({ before })
    const client = scene.connect(FIRST + 6)
    await until('the close', () => client.closed !== undefined)
    expect(client.frames).toMatchObject([{ op: -1, body: { error: 'FutureCursor' } }])
    expect(client.closed).toEqual({ code: 1008, reason: 'FutureCursor' })
    expect(scene.subscriptions.size).toBe(0)
  })

  it.each(['x', '-1', '1.5', ' '])('W13: cursor %j is HTTP 400 with an XRPC error', async (cursor) => {
    scene = await Scene.open({ before })
    const client = scene.connect(cursor)
    await until('the answer', () => client.refused !== undefined)
    expect(client.refused?.status).toBe(400)
    expect(JSON.parse(client.refused?.body ?? '')).toMatchObject({ error: 'InvalidRequest' })
  })

  it('Q4: older than the window: OutdatedCursor first, then the whole window, then live', async () => {
    scene = await Scene.open({ log: { segmentBytes: 400, retentionBytes: 1_000 } })
    for (let n = 0; n < 20; n++) await scene.log.append([entry(n)])
    await scene.log.trim(FIRST + 19)
    const { first } = scene.log.bounds()
    expect(first).toBeGreaterThan(FIRST)
    const outdated = scene.connect(first - 2)
    const exact = scene.connect(first - 1)
    const whole = scene.connect(0)
    const count = FIRST + 20 - first
    await Promise.all([outdated.has(count + 1), exact.has(count), whole.has(count)])
    await scene.log.append([entry(1)])
    await Promise.all([outdated.has(count + 2), exact.has(count + 1), whole.has(count + 1)])
    expect(outdated.frames[0]).toMatchObject({ op: 1, type: '#info', body: { name: 'OutdatedCursor' } })
    for (const client of [outdated, exact, whole]) expect(client.seqs).toEqual(range(first, FIRST + 20))
    expect([exact.frames[0]?.type, whole.frames[0]?.type]).toEqual(['#sync', '#sync'])
  })
})

describe('Q7: replay to live', () => {
  it('no gap, no duplicate, no other order, while the log grows all the time', async () => {
    scene = await Scene.open({ windowBytes: 20_000, log: { segmentBytes: 50_000 } })
    const { log } = scene
    for (let n = 0; n < 100; n++) await log.append(range(1, 1 + (n % 5)).map((i) => entry(i, { bytes: 200 })))
    let ended = false
    const writing = (async () => {
      for (let n = 0; n < 300; n++) {
        const quiet = entry(3, { kind: 'quiet' })
        await log.append([entry(1, { bytes: 500 }), ...(n % 7 === 0 ? [quiet] : []), entry(2)])
      }
      ended = true
    })()
    const starts: number[] = []
    while (!ended) {
      if (scene.clients.length < 30) {
        const { next } = log.bounds()
        const back = scene.clients.length % 3 === 0 ? next - FIRST : (scene.clients.length * 7) % 50
        const cursor = Math.max(FIRST, next - 1 - back)
        starts.push(cursor)
        scene.connect(cursor)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    await writing
    const kinds = await kindsOf(scene)
    const last = log.bounds().next - 1
    await until(
      'all subscribers at the end',
      () => scene.clients.every(({ seqs }) => seqs.at(-1) === last),
      10_000,
    )
    expect(scene.clients.length).toBeGreaterThan(5)
    for (const [i, client] of scene.clients.entries()) {
      const expected = kinds.filter(({ seq, kind }) => seq > (starts[i] as number) && kind !== 'quiet')
      expect(client.seqs).toEqual(expected.map(({ seq }) => seq))
    }
  })
})

describe('Q6: a subscriber that does not keep up', () => {
  it('reads nothing: ConsumerTooSlow in a frame where it can be written, others are not concerned', async () => {
    scene = await Scene.open()
    const slow = scene.connect()
    const quick = scene.connect()
    await Promise.all([slow.opened(), quick.opened()])
    slow.ws.pause()
    for (let n = 0; n < 40; n++) await scene.log.append([entry(1, { bytes: 500_000 })])
    await quick.has(40)
    expect(quick.seqs).toEqual(range(FIRST, FIRST + 39))
    expect(scene.subscriptions.size).toBe(2)
    const nowMs = performance.now()
    scene.subscriptions.check(nowMs + 1_000)
    scene.subscriptions.check(nowMs + 60_000)
    expect(scene.subscriptions.size).toBe(2)
    scene.subscriptions.check(nowMs + 62_000)
    expect(scene.subscriptions.size).toBe(1)
    slow.ws.resume()
    await until('the close', () => slow.closed !== undefined)
    expect(slow.frames.at(-1)).toMatchObject({ op: -1, body: { error: 'ConsumerTooSlow' } })
    expect(slow.closed).toEqual({ code: 1008, reason: 'ConsumerTooSlow' })
    const got = slow.seqs
    expect(got).toEqual(range(FIRST, FIRST + got.length - 1))
  })

  it('falls behind the oldest retained event: ConsumerTooSlow', async () => {
    scene = await Scene.open({ windowBytes: 1, log: { segmentBytes: 1_000_000, retentionBytes: 1_000_000 } })
    const slow = scene.connect()
    await slow.opened()
    slow.ws.pause()
    for (let n = 0; n < 60; n++) await scene.log.append([entry(1, { bytes: 400_000 })])
    await scene.log.trim(FIRST + 59)
    slow.ws.resume()
    await until('the close', () => slow.closed !== undefined)
    expect(slow.frames.at(-1)).toMatchObject({ op: -1, body: { error: 'ConsumerTooSlow' } })
    expect(slow.seqs).toEqual(range(FIRST, FIRST + slow.seqs.length - 1))
  })
})

describe('W10, W12: what a client sends', () => {
  it('is ignored; too many messages close', async () => {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    for (let n = 0; n < 100; n++) client.ws.send('hello')
    await scene.log.append([entry(1)])
    await client.has(1)
    expect(client.closed).toBeUndefined()
    for (let n = 0; n < 10; n++) client.ws.send(Buffer.alloc(10))
    await until('the close', () => client.closed !== undefined)
    expect(client.closed?.code).toBe(1008)
  })

  it('pings count as messages: a flood of them closes', async () => {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    let pongs = 0
    client.ws.on('pong', () => pongs++)
    for (let n = 1; n <= 100; n++) {
      client.ws.ping()
      await until('its pong', () => pongs === n)
    }
    client.ws.ping()
    await until('the close', () => client.closed !== undefined)
    expect(client.closed?.code).toBe(1008)
  })

  it('a flood of frames that are no messages is cut, and others are not concerned', async () => {
    scene = await Scene.open()
    const [client, other] = [scene.connect(), scene.connect()]
    await Promise.all([client.opened(), other.opened()])
    for (let n = 0; n < 1_500; n++) client.ws.pong(Buffer.alloc(100))
    await scene.log.append([entry(1)])
    await client.has(1)
    for (let n = 0; n < 1_500; n++) client.ws.pong(Buffer.alloc(100))
    await until('the end', () => client.closed !== undefined)
    expect(client.closed?.code).toBe(1006)
    await scene.log.append([entry(2)])
    await other.has(2)
    expect(scene.subscriptions.size).toBe(1)
  })

  it('a message in more than 64 crumbs closes', async () => {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    for (let n = 0; n < 66; n++) client.ws.send('x', { fin: false })
    await until('the close', () => client.closed !== undefined)
    expect(client.closed?.code).toBe(1008)
  })

  it('over 64 KiB in one message closes that one alone', async () => {
    scene = await Scene.open()
    const [client, other] = [scene.connect(), scene.connect()]
    await Promise.all([client.opened(), other.opened()])
    client.ws.send(Buffer.alloc(65 * 1024))
    await until('the close', () => client.closed !== undefined)
    await scene.log.append([entry(1)])
    await other.has(1)
    expect(client.closed?.code).toBe(1009)
  })

  it('its pings are answered', async () => {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    let pong = ''
    client.ws.on('pong', (data: Buffer) => {
      pong = data.toString()
    })
    client.ws.ping('abc')
    await until('the pong', () => pong === 'abc')
  })

  it('a quiet one is pinged each half minute, and cut when nothing comes for a minute and a half', async () => {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    const nowMs = performance.now()
    scene.subscriptions.check(nowMs + 29_000)
    scene.subscriptions.check(nowMs + 31_000)
    scene.subscriptions.check(nowMs + 40_000)
    await until('the ping', () => client.pings > 0)
    expect(client.pings).toBe(1)
    scene.subscriptions.check(nowMs + 100_000)
    await until('the end', () => client.closed !== undefined)
    expect(client.closed?.code).toBe(1006)
    expect(scene.subscriptions.size).toBe(0)
  })
})

describe('W12: a subscriber that takes long to catch up', () => {
  const WAIT = { timeout: 10_000, interval: 1 }
  /** A subscriber that has opened and reads nothing, so that its socket is full. */
  async function fullOne(): Promise<Client> {
    scene = await Scene.open()
    const client = scene.connect()
    await client.opened()
    client.ws.pause()
    for (let n = 0; n < 40; n++) await scene.log.append([entry(1, { bytes: 500_000 })])
    await untilFull()
    return client
  }
  const untilFull = () =>
    expect.poll(async () => (await scene.subscriptions.list())[0]?.queuedBytes, WAIT).toBeGreaterThan(0)
  const bytesTaken = async () => {
    const [one] = await scene.subscriptions.list()
    return (one?.bytes ?? 0) - (one?.queuedBytes ?? 0)
  }

  it('is pinged on time, and lives as long as it takes bytes', async () => {
    const client = await fullOne()
    const real = performance.now.bind(performance)
    let aheadMs = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + aheadMs)
    // It reads a little within each 40 s, for several times as long as a silent one may.
    for (let turn = 0; turn < 8; turn++) {
      const before = await bytesTaken()
      client.ws.resume()
      await expect.poll(bytesTaken, WAIT).toBeGreaterThan(before)
      client.ws.pause()
      for (let n = 0; n < 6; n++) await scene.log.append([entry(1, { bytes: 1_000_000 })])
      await untilFull()
      aheadMs += 40_000
      scene.subscriptions.check(performance.now())
      expect(scene.subscriptions.size).toBe(1)
    }
    client.ws.resume()
    await client.has(88)
    expect(client.pings).toBeGreaterThanOrEqual(8)
    expect(client.seqs).toEqual(range(FIRST, FIRST + 87))
    expect(client.closed).toBeUndefined()
    clock.mockRestore()
  })

  it('that has taken all is not cut before its pong can have come, and is when it never comes', async () => {
    const client = await fullOne()
    client.ws.on('ping', () => client.ws.pause())
    scene.subscriptions.check(performance.now())
    client.ws.resume()
    await client.has(40)
    client.ws.pause()
    await expect.poll(async () => (await scene.subscriptions.list())[0]?.queuedBytes, WAIT).toBe(0)
    const nowMs = performance.now()
    for (const ms of [31_000, 61_000, 100_000, 299_000]) scene.subscriptions.check(nowMs + ms)
    expect(scene.subscriptions.size).toBe(1)
    scene.subscriptions.check(nowMs + 305_000)
    expect(scene.subscriptions.size).toBe(0)
  })
})

it('E5: what of an account taken down is left out, for the past and live, and comes back with the reversal', async () => {
  scene = await Scene.open({ before: [[entry(1), entry(2), entry(1, { kind: '#identity' }), entry(1)]] })
  const live = scene.connect()
  await live.opened()
  await scene.log.append([entry(1, { kind: '#account', local: 'takendown' })])
  await scene.log.append([entry(1), entry(2), entry(1, { kind: '#sync' })])
  const late = scene.connect(0)
  await late.has(4)
  await live.has(2)
  expect(late.seqs).toEqual([1, 2, 4, 6].map((n) => FIRST + n))
  expect(live.seqs).toEqual([4, 6].map((n) => FIRST + n))
  await scene.log.append([entry(1, { kind: '#account', local: 'active' }), entry(1)])
  const restored = scene.connect(0)
  await restored.has(10)
  expect(restored.seqs).toEqual(range(FIRST, FIRST + 9))
  expect(restored.frames[0]?.body.did).toBe(did(1))
})

it('W11: at a stop everyone is sent away to come back, and nobody is let in', async () => {
  scene = await Scene.open()
  const client = scene.connect()
  await client.opened()
  await scene.subscriptions.close()
  await until('the close', () => client.closed !== undefined)
  expect(client.closed).toEqual({ code: 1012, reason: 'RelayRestart' })
  const late = scene.connect()
  await until('the answer', () => late.refused !== undefined)
  expect(late.refused?.status).toBe(503)
})

/** Seq and kind of every entry. */
async function kindsOf({ log }: Scene): Promise<{ seq: number; kind: string }[]> {
  const all: { seq: number; kind: string }[] = []
  for (let at = log.bounds().first; ; ) {
    const batches = await log.read(at, 1 << 20)
    if (batches.length === 0) return all
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) all.push({ seq: batch.firstSeq + i, kind: batch.kind(i) })
      at = batch.lastSeq + 1
    }
  }
}
