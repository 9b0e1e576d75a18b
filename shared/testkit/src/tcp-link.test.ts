import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TcpLink } from './tcp-link.ts'

const WAIT = { timeout: 5_000, interval: 2 }
/** Says what it is told, and what it heard. */
let received = ''
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    received += chunk
    socket.write(chunk)
  })
})
let link: TcpLink
let answers = ''
let client: Socket

async function dial(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: link.port })
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    answers += chunk
  })
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  received = answers = ''
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  link = await TcpLink.open(() => (server.address() as AddressInfo).port)
  client = await dial()
  client.write('a')
  await expect.poll(() => answers, WAIT).toBe('a')
})
afterEach(async () => {
  client.destroy()
  await link[Symbol.asyncDispose]()
  server.close()
  await once(server, 'close')
})

it('cut and refusing, it ends what is open and resets what is new, until it is healed', async () => {
  link.cut('refused')
  await new Promise((resolve) => client.once('close', resolve))
  const refused = connect({ host: '127.0.0.1', port: link.port })
  const [error] = await once(refused, 'error')
  expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET')
  link.heal()
  client = await dial()
  client.write('b')
  await expect.poll(() => answers, WAIT).toBe('ab')
})

it('cut in the way back, the server hears and is not heard, and what it said comes when it is healed', async () => {
  link.cut('unanswered')
  client.write('b')
  await expect.poll(() => received, WAIT).toBe('ab')
  // By then its answer would have come, had it passed.
  const other = connect((server.address() as AddressInfo).port, '127.0.0.1')
  other.write('c')
  await once(other, 'data')
  other.destroy()
  expect(answers).toBe('a')
  link.heal()
  await expect.poll(() => answers, WAIT).toBe('ab')
})

it.each(['silent', 'unheard'] as const)(
  'cut and %s, the server hears nothing, of new connections neither',
  async (how) => {
    link.cut(how)
    client.write('b')
    const late = await dial()
    late.write('c')
    const other = connect((server.address() as AddressInfo).port, '127.0.0.1')
    other.write('x')
    await once(other, 'data')
    other.destroy()
    expect(received).toBe('ax')
    link.heal()
    await expect.poll(() => [...received].sort().join(''), WAIT).toBe('abcx')
    await expect.poll(() => [...answers].sort().join(''), WAIT).toBe('abc')
    late.destroy()
  },
)
