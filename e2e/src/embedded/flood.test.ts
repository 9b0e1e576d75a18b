import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CRAWL, FloodedRelay } from './flooded-relay.ts'

const SENT_BYTES = 300_000_000
/** When a flood has to have been cut, or taken and dropped. */
const FLOOD_MS = 20_000

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
  let flooded: FloodedRelay

  /** Sends until all is sent or it is cut; reads nothing of what it is answered. */
  async function pour(text: string, part: Buffer, bytes = SENT_BYTES): Promise<number> {
    const socket = await flooded.open(text)
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

  beforeAll(async () => {
    flooded = await FloodedRelay.start(listener)
    // The first of a kind compiles code and fills pools.
    for (const [, text, part] of FLOODS) await pour(text, part, part.length)
    flooded.beginToMeasure()
  })
  afterEach(() => flooded.expectUnharmed())
  afterAll(() => flooded?.[Symbol.asyncDispose]())

  it.each(FLOODS)('300 MB of %s', async (_what, text, part) => {
    let isOver = false
    const poured = pour(text, part).finally(() => {
      isOver = true
    })
    do expect(await flooded.isServed()).toBe(true)
    while (!isOver)
    await poured
  })
})
