import { until } from '@bgs/testkit/until.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { type Client, did, entry, Scene } from '../testing/scene.ts'

let scene: Scene
afterEach(() => scene[Symbol.asyncDispose]())

/** Bytes that a client's socket has read. */
const bytesOf = (client: Client) =>
  (client.ws as unknown as { _socket: { bytesRead: number } })._socket.bytesRead
const deflated = async () => (await scene.metrics.deflated.get()).values[0]?.value

describe('permessage-deflate', () => {
  it('gives those who ask for it the same frames in fewer bytes, each compressed once for all', async () => {
    // Of all of it: what compressing is too slow for is read from the log, and served as it is.
    scene = await Scene.open({ deflate: true, windowBytes: 8 * 2 ** 20 })
    const asked = [1, 2, 3].map(() => scene.connect(undefined, true))
    const plain = scene.connect()
    const all = [...asked, plain]
    for (const client of all) await client.opened()
    expect(asked.map(({ ws }) => ws.extensions)).toEqual(
      Array(3).fill(expect.stringContaining('permessage-deflate')),
    )
    expect(plain.ws.extensions).toBe('')
    for (let i = 0; i < 30; i++)
      await scene.log.append([
        entry(i, { bytes: 4_000 }),
        entry(i, { kind: 'quiet' }),
        entry(i, { bytes: i % 2 === 0 ? 0 : 100_000 }),
      ])
    for (const client of all) await client.has(60)
    for (const client of asked) {
      expect(client.frames).toEqual(plain.frames)
      expect(bytesOf(client)).toBeLessThan(bytesOf(plain) / 3)
    }
    expect(await deflated()).toBe(60)
  })

  it('replays what is not in memory as it is, then goes on compressed; takedowns hold', async () => {
    scene = await Scene.open({ deflate: true, windowBytes: 1, before: [[entry(1), entry(2)], [entry(3)]] })
    const client = scene.connect(0, true)
    await client.has(3)
    expect(await deflated()).toBe(0)
    await scene.log.append([entry(2, { kind: '#account', local: 'takendown' }), entry(2), entry(4)])
    await client.has(5)
    expect(client.frames.map(({ type }) => type).slice(3)).toEqual(['#identity', '#sync'])
    expect(client.frames.at(-1)?.body.did).toBe(did(4))
    expect(await deflated()).toBe(3)
  })

  it('a window that is smaller than that of the shared frames is declined: plain frames, and no error', async () => {
    scene = await Scene.open({ deflate: true })
    const asked = [9, 12, 14, 15].map((serverMaxWindowBits) =>
      scene.connect(undefined, { serverMaxWindowBits }),
    )
    for (const client of asked) await client.opened()
    expect(asked.map(({ ws }) => ws.extensions)).toEqual(['', '', '', 'permessage-deflate'])
    await scene.log.append([entry(1, { bytes: 60_000 })])
    for (const client of asked) await client.has(1)
    expect(new Set(asked.map(({ frames }) => JSON.stringify(frames))).size).toBe(1)
  })

  it('an offer that cannot be taken, or read, leaves the stream uncompressed', async () => {
    scene = await Scene.open({ deflate: true })
    for (const offer of ['permessage-deflate; foo=1', 'permessage-deflate;;', 'x-other; a="']) {
      const client = scene.connect(undefined, false, { 'sec-websocket-extensions': offer })
      await client.opened()
      expect(client.ws.extensions).toBe('')
    }
  })

  it('is not given where it is not offered, and a client’s own compressed messages are ignored', async () => {
    scene = await Scene.open()
    const client = scene.connect(undefined, true)
    await client.opened()
    expect(client.ws.extensions).toBe('')
    await scene[Symbol.asyncDispose]()
    scene = await Scene.open({ deflate: true })
    const other = scene.connect(undefined, true)
    await other.opened()
    other.ws.send('x'.repeat(2_000))
    await scene.log.append([entry(1)])
    await other.has(1)
    await until('still open', () => other.closed === undefined)
  })
})
