import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { identityOf } from '../testing/identity.ts'
import { resolveDid } from './resolve.ts'

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const { keyMultibase } = identityOf(DID)
const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  open.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

function document(did: string): string {
  return JSON.stringify({
    id: did,
    alsoKnownAs: ['at://a.example.com'],
    verificationMethod: [
      { id: '#atproto', type: 'Multikey', controller: did, publicKeyMultibase: keyMultibase },
    ],
    service: [
      { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example.com' },
    ],
  })
}

const options = { allowPrivate: true, userAgent: 'test', timeoutMs: 2_000 }

async function plc(listener: RequestListener, timeoutMs = 2_000, did = DID) {
  const plcUrl = `http://127.0.0.1:${await serve(listener)}`
  return resolveDid(did, { ...options, timeoutMs, plcUrl })
}

describe('D1: did:plc', () => {
  it('asks for the DID and reads the document', async () => {
    let asked = ''
    const result = await plc((request, response) => {
      asked = `${request.method} ${request.url}`
      response.end(document(DID))
    })
    expect(asked).toBe(`GET /${DID}`)
    expect(result).toMatchObject({ kind: 'found', identity: { did: DID, pdsHost: 'pds.example.com' } })
  })

  it('reads what servers and proxies make of a document: a byte order mark, compressed, any status of success', async () => {
    const result = await plc((_request, response) =>
      response.writeHead(203, { 'content-encoding': 'gzip' }).end(gzipSync(`\ufeff${document(DID)}`)),
    )
    expect(result).toMatchObject({ kind: 'found', identity: { did: DID } })
  })

  it.each([
    [404, { kind: 'unusable', reason: 'identity-not-found' }],
    [410, { kind: 'unusable', reason: 'identity-tombstoned' }],
    [500, { kind: 'transient', whole: false }],
    [403, { kind: 'transient', whole: false }],
    [429, { kind: 'transient', whole: true, retryAfterMs: 0 }],
    [503, { kind: 'transient', whole: true }],
  ])('HTTP %d', async (status, expected) => {
    expect(await plc((_request, response) => response.writeHead(status).end(document(DID)))).toMatchObject(
      expected,
    )
  })

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['-5', 0],
    ['soon', 0],
    ['100000', 300_000],
  ])('D9: 429 with Retry-After %s', async (value, retryAfterMs) => {
    const result = await plc((_request, response) => response.writeHead(429, { 'retry-after': value }).end())
    expect(result).toMatchObject({ kind: 'transient', whole: true, retryAfterMs })
  })

  it('a redirect is not followed', async () => {
    let followed = false
    const result = await plc((request, response) => {
      if (request.url !== '/elsewhere') return response.writeHead(302, { location: '/elsewhere' }).end()
      followed = true
      response.end(document(DID))
    })
    expect(result).toMatchObject({ kind: 'transient', whole: false, detail: 'HTTP 302' })
    expect(followed).toBe(false)
  })

  it.each([
    ['a document of another DID', document('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')],
    ['one of nobody', '{}'],
  ])('D3: %s is conclusive', async (_name, body) => {
    expect(await plc((_request, response) => response.end(body))).toEqual({
      kind: 'unusable',
      reason: 'identity-malformed',
    })
  })

  it.each(['<html>no directory</html>', '', 'null', '[]', '"x"'])(
    'D1: %j is no answer of the directory, whatever has sent it',
    async (body) => {
      expect(await plc((_request, response) => response.end(body))).toMatchObject({
        kind: 'transient',
        whole: false,
      })
    },
  )

  it('too large a body is not read to its end, and is this DID alone', async () => {
    let written = 0
    const result = await plc((_request, response) => {
      const more = () => {
        while (written < 64 * 1024 * 1024 && !response.destroyed) {
          written += 65_536
          if (!response.write(Buffer.alloc(65_536, 32))) return
        }
      }
      response.on('drain', more)
      more()
    })
    expect(result).toMatchObject({ kind: 'transient', whole: false })
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it.each([
    ['no answer at all', () => undefined],
    [
      'a body that never ends',
      (_request: unknown, response: { write: (text: string) => unknown }) => response.write('{'),
    ],
  ] as [string, RequestListener][])('a hang is cut off by the deadline: %s', async (_name, listener) => {
    expect(await plc(listener, 60)).toMatchObject({
      kind: 'transient',
      detail: expect.stringContaining('60 ms'),
    })
  })

  it('a body that trickles is cut off by the deadline of the whole exchange', async () => {
    let timer: NodeJS.Timeout | undefined
    const result = await plc((_request, response) => {
      timer = setInterval(() => response.write(' '), 10)
    }, 100)
    clearInterval(timer)
    expect(result).toMatchObject({ kind: 'transient', whole: false })
  })

  it('a broken connection and a closed port are failures of the directory as a whole', async () => {
    expect(await plc((request) => request.socket.destroy())).toMatchObject({ kind: 'transient', whole: true })
    const port = await serve(() => undefined)
    for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve))
    expect(await resolveDid(DID, { ...options, plcUrl: `http://127.0.0.1:${port}` })).toMatchObject({
      kind: 'transient',
      whole: true,
    })
  })
})

describe('D2: did:web', () => {
  const web = (did: string, allowPrivate: boolean) =>
    resolveDid(did, { ...options, allowPrivate, plcUrl: 'http://127.0.0.1:9' })

  it('is asked for at its well-known place; its failures are never the directory’s', async () => {
    let asked = ''
    let status = 200
    const port = await serve((request, response) => {
      asked = request.url ?? ''
      response.writeHead(status).end(document(`did:web:localhost%3A${port}`))
    })
    const did = `did:web:localhost%3A${port}`
    expect(await web(did, true)).toMatchObject({ kind: 'found', identity: { did } })
    expect(asked).toBe('/.well-known/did.json')
    status = 503
    expect(await web(did, true)).toMatchObject({ kind: 'transient', whole: false })
    status = 404
    expect(await web(did, true)).toEqual({ kind: 'unusable', reason: 'identity-not-found' })
    status = 410
    expect(await web(did, true)).toEqual({ kind: 'unusable', reason: 'identity-not-found' })
  })

  it.each([
    'did:web:example.test',
    'did:web:host.local',
    'did:web:host.onion',
    'did:web:localhost%3A2583',
    'did:web:example.com%3A8443',
    'did:web:127.0.0.1',
    'did:web:example.com:path',
  ])('%s fails at once, in public mode', async (did) => {
    expect(await web(did, false)).toEqual({ kind: 'unusable', reason: 'identity-not-found' })
  })
})
