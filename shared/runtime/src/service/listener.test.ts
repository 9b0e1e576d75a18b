import type { Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { AddressLimits, newAddressLimits } from './address-limits.ts'
import { ClientAddresses } from './client-address.ts'
import { loadSettings } from './config.ts'
import { endWithHttpError } from './http-error.ts'
import { listen } from './listen.ts'
import { createListener } from './listener.ts'

let server: Server | undefined
const clients: RawClient[] = []
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  server?.close()
  server?.closeAllConnections()
})

/** Sends bytes as they are and keeps what comes back. */
class RawClient {
  readonly socket: Socket
  text = ''
  isClosed = false

  constructor(port: number, send = '') {
    this.socket = connect(port, '127.0.0.1', () => this.socket.write(send))
    this.socket.on('data', (bytes) => {
      this.text += bytes.toString()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.isClosed = true
    })
    clients.push(this)
  }

  async status(): Promise<number> {
    await until('an answer', () => this.text.includes('\r\n\r\n') || this.isClosed)
    return Number(this.text.split(' ')[1])
  }
}

let isFull = false
const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
const from = (address: string, request = GET) =>
  request.replace('host', `x-forwarded-for: ${address}\r\nhost`)

function onUpgrade(_request: unknown, socket: Socket): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  socket.resume().on('end', () => socket.end())
}

async function open(proxies: string[] = [], perAddress = 3, upgrades = true): Promise<number> {
  const { settings } = loadSettings({ RELAY_CONNECTIONS_PER_ADDRESS: String(perAddress) }, [])
  server = createListener({
    isFull: () => isFull,
    maxConnections: 100,
    clients: new ClientAddresses(proxies),
    limits: new AddressLimits(newAddressLimits(settings)),
    onRequest: (request, response) => {
      // As one that reads no further and says so: the request is destroyed before the answer is at its end.
      if (request.url === '/too-much')
        request.once('data', () => {
          request.destroy()
          response.writeHead(413, { connection: 'close' }).end('too much')
        })
      else if (request.url !== '/wait') response.end('ok')
    },
    ...(upgrades ? { onUpgrade } : {}),
  })
  return listen(server, 0, '127.0.0.1')
}

describe('RFC 9110 7.8: an upgrade', () => {
  const asking = (upgrade: string, method = 'GET', body = '', version = '1.1') =>
    `${method} / HTTP/${version}\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\n` +
    `upgrade: ${upgrade}\r\ncontent-length: ${body.length}\r\n\r\n${body}`

  it.each(['h2c', 'TLS/1.2', 'h2c, IRC/6.9', 'websocketx', ''])(
    'to %j leaves the call as it is',
    async (to) => {
      const port = await open()
      expect(await new RawClient(port, asking(to)).status()).toBe(200)
      expect(await new RawClient(port, asking(to, 'POST', '{"a":1}')).status()).toBe(200)
    },
  )

  it.each(['websocket', 'WebSocket', 'h2c, websocket'])('to %j is one', async (to) => {
    expect(await new RawClient(await open(), asking(to)).status()).toBe(101)
  })

  it('over HTTP/1.0 is passed over', async () => {
    expect(await new RawClient(await open(), asking('websocket', 'GET', '', '1.0')).status()).toBe(200)
  })

  it('is passed over where there is nothing to upgrade to', async () => {
    const port = await open([], 3, false)
    for (const to of ['h2c', 'websocket']) expect(await new RawClient(port, asking(to)).status()).toBe(200)
  })
})

it('takes no connection while there is no descriptor for one more, and again when there is', async () => {
  const port = await open()
  const early = new RawClient(port)
  await until('it', () => early.socket.readyState === 'open')
  isFull = true
  const late = new RawClient(port, GET)
  await until('the cut', () => late.isClosed)
  expect(late.text).toBe('')
  early.socket.write(GET)
  expect(await early.status(), 'who is there already is served').toBe(200)
  isFull = false
  expect(await new RawClient(port, GET).status()).toBe(200)
})

describe('connections of one address', () => {
  it.each([
    ['a request', GET],
    ['an upgrade', UPGRADE],
  ])('over the limit %s is answered 429 with Retry-After, far over it is cut', async (_what, request) => {
    const port = await open()
    const idle = [1, 2, 3].map(() => new RawClient(port))
    await until('them', () => idle.every(({ socket }) => socket.readyState === 'open'))
    const over = new RawClient(port, request)
    expect(await over.status()).toBe(429)
    expect(over.text).toMatch(/retry-after: 10\r\n/i)
    expect(JSON.parse(over.text.split('\r\n\r\n')[1] as string)).toMatchObject({ error: 'RateLimitExceeded' })
    await until('its end', () => over.isClosed)
    const further = [1, 2, 3, 4].map(() => new RawClient(port))
    await until('the last of them cut', () => further.filter(({ isClosed }) => isClosed).length === 1)
    for (const { socket } of [...idle, ...further]) socket.destroy()
    await expect.poll(() => new RawClient(port, GET).status()).toBe(200)
  })

  it('one that is over and asks for nothing is cut', async () => {
    const port = await open([], 1)
    const first = new RawClient(port)
    await until('it', () => first.socket.readyState === 'open')
    const over = new RawClient(port)
    await until('its end', () => over.isClosed)
    expect(first.isClosed).toBe(false)
  })

  it('behind a proxy each client is counted by itself, while it is answered or has the upgraded socket', async () => {
    const port = await open(['127.0.0.1'])
    const waiting = from('203.0.113.1', GET.replace('/ ', '/wait '))
    const three = [waiting, from('203.0.113.1', UPGRADE), waiting].map((text) => new RawClient(port, text))
    expect(await three[1]?.status()).toBe(101)
    await expect.poll(() => new RawClient(port, from('203.0.113.1')).status()).toBe(429)
    expect(await new RawClient(port, from('203.0.113.1', UPGRADE)).status()).toBe(429)
    expect(await new RawClient(port, from('203.0.113.2')).status()).toBe(200)
    three[1]?.socket.destroy()
    await expect.poll(() => new RawClient(port, from('203.0.113.1')).status()).toBe(200)
    // One connection of the proxy carries many answered requests.
    const kept = new RawClient(port)
    for (let i = 1; i <= 5; i++) {
      kept.socket.write(from('203.0.113.3'))
      await until('the next answer', () => kept.text.split('HTTP/1.1 200').length === i + 1)
    }
  })
})

describe('what cannot be read', () => {
  it.each([
    ['a header over 16 KiB', `GET / HTTP/1.1\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`, 431],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
  ])('%s is answered with an XRPC error and closed', async (_what, text, status) => {
    const port = await open()
    const client = new RawClient(port, text)
    expect(await client.status()).toBe(status)
    expect(JSON.parse(client.text.split('\r\n\r\n')[1] as string)).toMatchObject({ error: 'InvalidRequest' })
    await until('the end', () => client.isClosed)
  })

  it('a body that goes on after the answer is cut', async () => {
    const port = await open()
    const client = new RawClient(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n')
    expect(await client.status()).toBe(200)
    const chunk = Buffer.alloc(64 * 1024)
    const more = () => {
      while (!client.isClosed && client.socket.write(chunk));
    }
    client.socket.on('drain', more)
    more()
    await until('the end', () => client.isClosed)
  })

  it('a request that is given up in the middle of its body ends nothing else', async () => {
    const port = await open()
    const client = new RawClient(
      port,
      `POST /too-much HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n${'x'.repeat(100_000)}`,
    )
    await until('the end', () => client.isClosed)
    expect(await new RawClient(port, GET).status()).toBe(200)
  })

  it('a refused upgrade ends, whatever the client does', async () => {
    const port = await open()
    server?.removeAllListeners('upgrade')
    server?.on('upgrade', (_request, socket) =>
      endWithHttpError(socket, { status: 501, error: 'MethodNotImplemented', message: 'no' }),
    )
    const client = new RawClient(port, UPGRADE)
    client.socket.on('end', () => undefined)
    expect(await client.status()).toBe(501)
    await until('the end', () => client.isClosed)
  })
})
