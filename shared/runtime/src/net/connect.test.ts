import { EventEmitter } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { connectFirst } from './connect.ts'
import { ForbiddenAddressError, openAddresses } from './guard.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

async function listen(host: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.end()).listen(port, host)
  open.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

/** Attempts that end as the test says. */
class Attempts {
  readonly begun = new Map<string, EventEmitter & { isDestroyed: boolean }>()
  readonly dial = (address: string): Socket => {
    const socket = Object.assign(new EventEmitter(), { isDestroyed: false, destroy: () => undefined })
    socket.destroy = () => {
      socket.isDestroyed = true
    }
    this.begun.set(address, socket)
    return socket as unknown as Socket
  }
}

describe('RFC 8305: the first address that answers', () => {
  it('while one does not answer the next are tried, too, and whichever answers is taken: also an earlier one', async () => {
    const attempts = new Attempts()
    const connected = connectFirst(['a', 'b', 'c', 'd'], 1, undefined, attempts.dial)
    await until('the third attempt', () => attempts.begun.size === 3)
    const [a, b, c] = [...attempts.begun.values()]
    b?.emit('error', new Error('refused'))
    await until('the fourth, at once', () => attempts.begun.size === 4)
    a?.emit('connect')
    expect(await connected).toBe(a)
    expect([...attempts.begun.values()].map(({ isDestroyed }) => isDestroyed)).toEqual([
      false,
      false,
      true,
      true,
    ])
    c?.emit('error', new Error('of no matter any more'))
  })

  it('of a name with hundreds of addresses eight are tried', async () => {
    const attempts = new Attempts()
    const addresses = Array.from({ length: 300 }, (_, i) => `a${i}`)
    const connected = connectFirst(addresses, 1, undefined, attempts.dial)
    for (let i = 0; i < 8; i++) attempts.begun.get(`a${i}`)?.emit('error', new Error(`no ${i}`))
    await expect(connected).rejects.toThrow(/^no 0; no 1; .*no 7$/)
    expect(attempts.begun.size).toBe(8)
  })

  it('an address that refuses is passed over at once', async () => {
    const port = await listen('127.0.0.2')
    const socket = await connectFirst(['127.0.0.1', '127.0.0.3', '127.0.0.2'], port, undefined)
    expect(socket.remoteAddress).toBe('127.0.0.2')
    socket.destroy()
  })

  it('all refuse: the error names each of them, with a code', async () => {
    const port = await listen('127.0.0.2')
    const error = await connectFirst(['127.0.0.1', '127.0.0.3'], port, undefined).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    expect((error as Error).message).toMatch(/127\.0\.0\.1:\d+; .*127\.0\.0\.3/)
  })

  it('whoever gives up gets no socket', async () => {
    const port = await listen('127.0.0.1')
    const stop = new AbortController()
    const promise = connectFirst(['127.0.0.1'], port, stop.signal)
    stop.abort(new Error('given up'))
    await expect(promise).rejects.toThrow('given up')
    await expect(connectFirst(['127.0.0.1'], port, stop.signal)).rejects.toThrow('given up')
  })
})

it('H7: only public addresses of a name are connected to', () => {
  expect(openAddresses('x', ['10.0.0.1', '8.8.8.8', '::1', '2606:4700::1'], false)).toEqual([
    '8.8.8.8',
    '2606:4700::1',
  ])
  expect(() => openAddresses('x', ['10.0.0.1', '::ffff:127.0.0.1'], false)).toThrow(ForbiddenAddressError)
  expect(openAddresses('x', ['10.0.0.1'], true)).toEqual(['10.0.0.1'])
})
