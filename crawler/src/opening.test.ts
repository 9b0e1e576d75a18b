import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Connection, type ConnectionEnd } from './connection.ts'
import { type Names, Opening } from './opening.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function listen(host = '127.0.0.1', onUpgrade: (path: string) => string = () => ''): Promise<number> {
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    const answer = onUpgrade(request.url ?? '')
    if (answer !== '') socket.end(answer)
  })
  server.listen(0, host)
  open.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

const at = (...addresses: string[]): Names => ({ addressesOf: async () => addresses })
const nothing = { onOpen: () => undefined, onFrame: () => undefined, onText: () => undefined }

function connect(host: string, allowPrivate: boolean, names: Names): Promise<ConnectionEnd> {
  return new Connection(host, null, allowPrivate, false, names, nothing).ended
}

it('all addresses refuse: what each of them said is the reason', async () => {
  const port = await listen()
  const end = await connect(`pds.test:${port}`, true, at('127.0.0.2', '127.0.0.3'))
  expect(end).toMatchObject({ cause: 'refused', failure: 'refused' })
  expect(end.detail).toMatch(/127\.0\.0\.2.*; .*127\.0\.0\.3/)
})

it('a name that cannot be looked up is said to be that', async () => {
  const names = {
    addressesOf: () =>
      Promise.reject(Object.assign(new Error('no name server answered'), { code: 'EAI_AGAIN' })),
  }
  expect(await connect('pds.test:1', true, names)).toEqual({
    cause: 'refused',
    failure: 'name',
    detail: 'no name server answered',
  })
})

it('one that is given up while its name is looked up ends at once, and opens no socket then', async () => {
  const port = await listen()
  const { promise, resolve } = Promise.withResolvers<string[]>()
  const connection = new Connection(
    `pds.test:${port}`,
    null,
    true,
    false,
    { addressesOf: () => promise },
    nothing,
  )
  let sockets = 0
  open[0]?.on('connection', () => sockets++)
  connection.close({ cause: 'stopped', detail: 'the relay stops' })
  expect(await connection.ended).toMatchObject({ cause: 'stopped' })
  resolve(['127.0.0.1'])
  await new Promise((go) => setImmediate(go))
  expect(sockets).toBe(0)
})

it('H7: a name with private addresses alone is forbidden, however it is asked for', async () => {
  expect(await connect('pds.example.com', false, at('10.0.0.1', '127.0.0.1', '::1'))).toMatchObject({
    cause: 'refused',
    failure: 'forbidden',
  })
})

it.each([
  'http://127.0.0.1:PORT/',
  'https://127.0.0.1/',
  'ws://127.0.0.1:PORT/',
  'wss://pds.example.com:8443/',
])('H7, W14: a redirect of a socket to %s is checked before it is made', async (target) => {
  const port = await listen()
  const opening = new Opening(at('8.8.8.8'), false, () => undefined)
  const url = new URL(target.replace('PORT', String(port)))
  const secure = url.protocol === 'https:' || url.protocol === 'wss:'
  const error = await new Promise<Error | null>((resolve) =>
    opening.createConnection(
      { host: url.hostname, port: url.port || (secure ? 443 : 80), defaultPort: secure ? 443 : 80 },
      resolve,
    ),
  )
  expect(error).toMatchObject({ code: 'forbidden-address' })
})

it('W14: a redirect within private mode leads to where its name leads', async () => {
  const asked: string[] = []
  const port = await listen('127.0.0.1', (path) => {
    asked.push(path)
    return path.startsWith('/xrpc')
      ? `HTTP/1.1 307 Elsewhere\r\nLocation: http://other.test:${port}/there\r\nContent-Length: 0\r\n\r\n`
      : 'HTTP/1.1 404 Not here\r\nContent-Length: 0\r\n\r\n'
  })
  const names: string[] = []
  const end = await connect(`pds.test:${port}`, true, {
    addressesOf: async (name) => {
      names.push(name)
      return ['127.0.0.1']
    },
  })
  expect(names).toEqual(['pds.test', 'other.test'])
  expect(asked).toEqual(['/xrpc/com.atproto.sync.subscribeRepos', '/there'])
  expect(end).toMatchObject({ failure: 'http', detail: 'Unexpected server response: 404' })
})
