import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { StreamModel } from '@bgs/simnet/model.ts'
import { encodeFrame, webSocketFrame } from '@bgs/simnet/wire.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { KeptStream } from './kept-stream.ts'
import { RawSubscription } from './raw-subscription.ts'

let server: Server
const sockets: Socket[] = []
beforeEach(() => {
  server = createServer()
})
afterEach(() => {
  server.close()
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A stream that sends `bytes` with its answer to the handshake, in pieces. */
async function serve(
  bytes: Buffer,
  piece: number,
): Promise<{ url: string; received: () => Buffer; end: () => void }> {
  let received = Buffer.alloc(0)
  server.on('upgrade', (request, socket: Socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
    sockets.push(socket)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    const all = Buffer.concat([Buffer.from(head), bytes])
    const send = (at: number) => {
      if (at < all.length) socket.write(all.subarray(at, at + piece), () => send(at + piece))
    }
    send(0)
  })
  const { url } = await listening()
  return { url, received: () => received, end: () => sockets[0]?.end() }
}

async function listening(): Promise<{ url: string }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/stream` }
}

const identity = (seq: number, handle: string) =>
  webSocketFrame(encodeFrame('#identity', { did: 'did:plc:a', handle, seq, time: '2026-01-01T00:00:00Z' }))

function modelOf(...handles: string[]): StreamModel {
  const model = new StreamModel()
  for (const handle of handles) model.expect({ type: '#identity', body: { did: 'did:plc:a', handle } })
  return model
}

it.each([7, 130, 100_000])('a stream in pieces of %d bytes is counted, kept and checked', async (piece) => {
  const ping = webSocketFrame(new Uint8Array(), 9)
  const { url, received } = await serve(
    Buffer.concat([identity(1, 'a.test'), ping, identity(2, 'b.test')]),
    piece,
  )
  const stream = new KeptStream()
  const subscription = await RawSubscription.connect({ url, cursor: 0, onChunk: stream.keep })
  await subscription.reaches(2)
  expect(stream.checker(modelOf('a.test', 'b.test'))).toMatchObject({ ok: true, received: 2 })
  expect(stream.checker(modelOf('a.test', 'b.test', 'c.test')).missing).toHaveLength(1)
  expect(stream.checker(modelOf('a.test')).ok).toBe(false)
  await expect.poll(() => received().toString('hex')).toBe('8a8000000000')
  subscription.close()
})

it('a stream that ends says how far it came', async () => {
  const { url, end } = await serve(identity(1, 'a.test'), 100_000)
  const subscription = await RawSubscription.connect({ url, cursor: null })
  await subscription.reaches(1)
  const more = subscription.reaches(2)
  end()
  await expect(more).rejects.toThrow('ended the stream after 1 messages')
  await expect(subscription.reaches(2)).rejects.toThrow('after 1 messages')
})

it('an answer that is no stream is told', async () => {
  server.on('upgrade', (_request, socket: Socket) => {
    socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
  })
  const { url } = await listening()
  await expect(RawSubscription.connect({ url, cursor: null })).rejects.toThrow('503 Service Unavailable')
})
