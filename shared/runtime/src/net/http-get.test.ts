import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkTarget, ForbiddenAddressError } from './guard.ts'
import { type HttpGetOptions, httpGet } from './http-get.ts'

let server: Server
let origin: string
let connections: number
let listener: RequestListener
beforeEach(async () => {
  connections = 0
  server = createServer((request, response) => listener(request, response))
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const options: HttpGetOptions = { timeoutMs: 1_000, maxBytes: 100, userAgent: 'test-agent', trust: 'private' }
const get = (path: string, change: Partial<HttpGetOptions> = {}) =>
  httpGet(new URL(path, origin), { ...options, ...change })

describe('one GET', () => {
  it('brings status, headers and body, and says who asks', async () => {
    listener = (request, response) => {
      response.writeHead(418, { 'x-a': 'b' })
      response.end(JSON.stringify([request.method, request.url, request.headers['user-agent']]))
    }
    const reply = await get('/x?y=1')
    expect(reply.status).toBe(418)
    expect(reply.headers['x-a']).toBe('b')
    expect(JSON.parse(reply.body)).toEqual(['GET', '/x?y=1', 'test-agent'])
  })

  it('text that is cut within a character is put together', async () => {
    const bytes = Buffer.from('\u00e9\u{1f600}')
    listener = (_request, response) => {
      response.write(bytes.subarray(0, 1))
      setImmediate(() => response.end(bytes.subarray(1)))
    }
    expect((await get('/')).body).toBe('\u00e9\u{1f600}')
  })

  it('a redirect is an answer, not a way', async () => {
    listener = (request, response) =>
      request.url === '/' ? response.writeHead(302, { location: '/next' }).end() : response.end('followed')
    expect(await get('/')).toMatchObject({ status: 302, body: '' })
    expect(connections).toBe(1)
  })

  it.each([
    [100, true],
    [101, false],
  ])('a body of %d bytes', async (bytes, isDuplicate) => {
    listener = (_request, response) => response.end(Buffer.alloc(bytes, 97))
    if (isDuplicate) expect((await get('/')).body).toHaveLength(bytes)
    else await expect(get('/')).rejects.toMatchObject({ name: 'HttpGetError', code: 'too-large' })
  })

  it.each<[string, RequestListener]>([
    ['no answer', () => undefined],
    ['headers, no body', (_request, response) => response.flushHeaders()],
    ['a body that does not end', (_request, response) => response.write('x')],
  ])('the deadline ends %s', async (_name, hangs) => {
    listener = hangs
    await expect(get('/', { timeoutMs: 60 })).rejects.toMatchObject({ code: 'timeout' })
  })

  it('a connection that breaks in the body is an error, not a short answer', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-length': 50 })
      response.write('x', () => response.destroy())
    }
    await expect(get('/')).rejects.toMatchObject({ name: 'HttpGetError', code: 'ECONNRESET' })
  })

  it('garbage in place of HTTP is an error', async () => {
    const garbage = createNetServer((socket) => socket.end('SSH-2.0-x\r\n')).listen(0, '127.0.0.1')
    await new Promise((resolve) => garbage.once('listening', resolve))
    const { port } = garbage.address() as AddressInfo
    await expect(httpGet(new URL(`http://127.0.0.1:${port}`), options)).rejects.toMatchObject({
      name: 'HttpGetError',
    })
    garbage.close()
  })
})

describe('H7: forbidden targets are never connected to', () => {
  it.each([
    'http://127.0.0.1',
    'https://127.0.0.1',
    'https://127.1',
    'https://2130706433',
    'https://0x7f000001',
    'https://0177.0.0.1',
    'https://0x7f.1',
    'https://\uff11\uff12\uff17.0.0.1',
    'https://8.8.8.8',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[2606:4700::1]',
    'http://pds.example.com',
    'ws://pds.example.com',
    'ftp://pds.example.com',
    'https://pds.example.com:80',
    'https://pds.example.com:8443',
    'https://user@pds.example.com',
    'https://:pass@pds.example.com',
  ])('%s', async (text) => {
    const url = new URL(text)
    expect(() => checkTarget(url, false)).toThrow(ForbiddenAddressError)
    await expect(httpGet(url, { ...options, trust: 'public' })).rejects.toMatchObject({
      code: 'forbidden-address',
    })
  })

  it('the loopback server hears nothing of such a request', async () => {
    listener = (_request, response) => response.end('reached')
    await expect(get('/', { trust: 'public' })).rejects.toMatchObject({ code: 'forbidden-address' })
    expect(connections).toBe(0)
  })

  it('TLS on 443, with the port said or not, passes the check', () => {
    for (const text of ['https://pds.example.com', 'https://pds.example.com:443/x', 'wss://pds.example.com'])
      expect(() => checkTarget(new URL(text), false)).not.toThrow()
  })

  it('a name that resolves to a private address is not connected to', async () => {
    await expect(
      httpGet(new URL('https://localhost/'), { ...options, trust: 'public' }),
    ).rejects.toMatchObject({
      code: 'forbidden-address',
    })
  })

  it('a name whose addresses change between check and connect is connected to at the address that was checked', async () => {
    listener = (_request, response) => response.end('reached')
    const found = [['8.8.8.8', '127.0.0.1'], ['127.0.0.1']]
    const names = { addressesOf: async () => found.shift() ?? [] }
    const url = new URL('https://pds.example.com/')
    await expect(httpGet(url, { ...options, names, timeoutMs: 50, trust: 'public' })).rejects.toMatchObject({
      name: 'HttpGetError',
    })
    expect(found).toHaveLength(1)
    await expect(httpGet(url, { ...options, names, trust: 'public' })).rejects.toMatchObject({
      code: 'forbidden-address',
    })
    expect(connections).toBe(0)
  })
})

describe('the name', () => {
  it('is looked up in its own time: the deadline begins after it', async () => {
    listener = (_request, response) => response.end('reached')
    const { promise, resolve } = Promise.withResolvers<string[]>()
    const reply = get('/', { names: { addressesOf: () => promise }, timeoutMs: 1_000 })
    setTimeout(() => resolve(['127.0.0.1']), 1_200)
    expect((await reply).body).toBe('reached')
  })

  it('the address that answers is taken', async () => {
    listener = (request, response) => response.end(request.headers.host)
    const names = { addressesOf: async () => ['127.0.0.3', '127.0.0.1'] }
    const { port } = new URL(origin)
    const reply = await httpGet(new URL(`http://pds.test:${port}/`), { ...options, names })
    expect(reply.body).toBe(`pds.test:${port}`)
  })

  it('an error that is a group names its parts', async () => {
    const names = { addressesOf: async () => ['127.0.0.3', '127.0.0.4'] }
    const { port } = new URL(origin)
    await expect(httpGet(new URL(`http://pds.test:${port}/`), { ...options, names })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringMatching(/127\.0\.0\.3.*; .*127\.0\.0\.4/),
    })
  })
})

describe('bodies, as servers send them', () => {
  const text = JSON.stringify({ did: 'did:web:a.example.com' })
  it.each([
    ['gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['deflate', deflateSync(text)],
    ['identity', Buffer.from(text)],
  ])('%s', async (encoding, body) => {
    let asked: unknown
    listener = (request, response) => {
      asked = request.headers['accept-encoding']
      response.writeHead(203, { 'content-encoding': encoding }).end(body)
    }
    expect(await get('/')).toMatchObject({ status: 203, ok: true, body: text })
    expect(asked).toBe('gzip, deflate, br')
  })

  it('a byte order mark is no part of the text', async () => {
    listener = (_request, response) => response.end(`\ufeff${text}`)
    expect((await get('/')).body).toBe(text)
  })

  it('what would be too large once it is inflated is not', async () => {
    listener = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000)))
    await expect(get('/')).rejects.toMatchObject({ code: 'too-large' })
  })

  it.each([
    ['gzip', 'no gzip at all'],
    ['zstd', text],
  ])(
    'a body that is not what it says (%s) is an error, but where only the status counts',
    async (encoding, body) => {
      let status = 200
      listener = (_request, response) =>
        response.writeHead(status, { 'content-encoding': encoding }).end(body)
      await expect(get('/')).rejects.toMatchObject({ code: 'encoding' })
      status = 404
      expect(await get('/')).toMatchObject({ status: 404, ok: false, body: '' })
    },
  )
})
