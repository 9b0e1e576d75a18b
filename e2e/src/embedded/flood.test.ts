import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

const SENT_BYTES = 300_000_000
/** What the relay may hold more of, whatever is sent to it. */
const MORE_RSS = 64 * 1024 * 1024
/** When a flood has to have been cut, or taken and dropped. */
const FLOOD_MS = 20_000
/** Nobody else waits longer. */
const OTHERS_MS = 1_000
const HALF_OPEN = 2_000

const CRAWL = 'POST /xrpc/com.atproto.sync.requestCrawl HTTP/1.1\r\nhost: x\r\n'
const STREAM =
  'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const TEXT = Buffer.alloc(64 * 1024, 'x')
const HTTP_CHUNK = Buffer.concat([Buffer.from('10000\r\n'), TEXT, Buffer.from('\r\n')])

/** Masked WebSocket frames of one kind, 64 KiB of them. */
function frames(firstByte: number, bytes: number): Buffer {
  const head = bytes < 126 ? [firstByte, 0x80 | bytes] : [firstByte, 0xfe, bytes >> 8, bytes & 255]
  const one = Buffer.concat([Buffer.from(head), Buffer.alloc(4), Buffer.alloc(bytes, 'x')])
  return Buffer.concat(Array.from({ length: Math.ceil(65_536 / one.length) }, () => one))
}

const FLOODS: readonly [string, string, Buffer][] = [
  ['a body with a length', `${CRAWL}content-length: ${SENT_BYTES}\r\n\r\n`, TEXT],
  ['a body in chunks', `${CRAWL}transfer-encoding: chunked\r\n\r\n`, HTTP_CHUNK],
  ['a header', 'GET / HTTP/1.1\r\nhost: x\r\nx: ', TEXT],
  [
    'requests one behind another',
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
    Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(2_000)),
  ],
  ['one WebSocket message', `${STREAM}\x82\xff\0\0\0\0\x11\xe1\xa3\0\0\0\0\0`, TEXT],
  ['WebSocket messages', STREAM, frames(0x82, 60_000)],
  ['pings whose answers are not read', STREAM, frames(0x89, 125)],
  ['a WebSocket message in crumbs', `${STREAM}\x02\x81\0\0\0\0x`, frames(0x00, 1)],
]

/** Nothing that a client sends costs the relay memory, or anybody else anything (invariant 12, W10). */
describe.each(['public', 'operator'] as const)('the %s listener under a flood', (listener) => {
  const folder = tempFolder()
  const sockets: Socket[] = []
  let network: SimNetwork
  let relay: RelayProcess
  let checker: CheckingSubscriber
  let port: number
  let before: number

  const open = async (text: string) => {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text, 'latin1')
    return socket
  }

  /** Sends until all is sent or it is cut; reads nothing of what it is answered. */
  async function pour(text: string, part: Buffer, bytes = SENT_BYTES): Promise<number> {
    const socket = await open(text)
    const end = performance.now() + FLOOD_MS
    let sent = 0
    while (sent < bytes && !socket.destroyed) {
      if (performance.now() > end) throw new Error(`neither cut nor taken: ${sent} bytes`)
      sent += part.length
      if (socket.write(part)) continue
      const moved = Promise.withResolvers<void>()
      for (const event of ['drain', 'close']) socket.on(event, moved.resolve)
      await moved.promise
      for (const event of ['drain', 'close']) socket.off(event, moved.resolve)
    }
    return sent
  }

  async function isServed(): Promise<boolean> {
    const url = `http://127.0.0.1:${relay.port}/_health`
    const response = await fetch(url, { signal: AbortSignal.timeout(OTHERS_MS) })
    const operator = await fetch(`http://127.0.0.1:${relay.opsPort}/livez`, {
      signal: AbortSignal.timeout(OTHERS_MS),
    })
    return response.ok && operator.ok
  }

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: 5, hosts: 1, accountsPerHost: 4 })
    relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
    port = listener === 'public' ? relay.port : relay.opsPort
    checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await checker.untilCaughtUp(20_000)
    // The first of a kind compiles code and fills pools.
    for (const [, text, part] of FLOODS) await pour(text, part, part.length)
    for (const socket of sockets.splice(0)) socket.destroy()
    before = relay.peakRss()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const did of network.residents.keys()) await network.commit(did, (account) => account.post())
    await checker.untilCaughtUp(OTHERS_MS)
    process.stdout.write(
      `the ${listener} listener: ${Math.round((relay.peakRss() - before) / 2 ** 20)} MiB more\n`,
    )
    expect(relay.peakRss() - before).toBeLessThan(MORE_RSS)
  })
  afterAll(async () => {
    await checker?.close()
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  it.each(FLOODS)('300 MB of %s', async (_what, text, part) => {
    let isOver = false
    const poured = pour(text, part).finally(() => {
      isOver = true
    })
    do expect(await isServed()).toBe(true)
    while (!isOver)
    await poured
  })

  it('thousands of half-open connections are dropped', async () => {
    const halves = ['', 'GET / HTTP/1.1\r\nhost: x\r\n', `${CRAWL}content-length: 9\r\n\r\n`]
    const open500 = async (from: number) => {
      for (let i = from; i < from + 500; i++) (await open(halves[i % halves.length] as string)).resume()
    }
    for (let i = 0; i < HALF_OPEN; i += 500) {
      await open500(i)
      expect(await isServed()).toBe(true)
    }
    await expect.poll(() => sockets.filter((socket) => !socket.destroyed).length, { timeout: 45_000 }).toBe(0)
  })
})
