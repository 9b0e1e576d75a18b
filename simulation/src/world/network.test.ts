import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { running } from '../testing/running.ts'
import { SimNet } from './network.ts'
import { Scheduler } from './scheduler.ts'
import { SimProcess } from './sim-process.ts'

let net: SimNet
let server: Server
let stop: () => void
const PORT = 4_000
beforeEach(async () => {
  const scheduler = new Scheduler()
  stop = running(scheduler)
  net = new SimNet(new SimProcess('machine', scheduler))
  server = createServer()
  net.listen(server, PORT)
  await once(server, 'listening')
})
afterEach(() => stop())

const accepted = async () => ((await once(server, 'connection')) as [Socket])[0]

it('a socket that is made without a connection gets one later, and sends then what was written before', async () => {
  const socket = net.socket()
  socket.write('early ')
  const other = accepted()
  socket.connect(PORT, '127.0.0.1', () => socket.end('late'))
  const heard: Buffer[] = []
  for await (const bytes of await other) heard.push(bytes as Buffer)
  expect(Buffer.concat(heard).toString()).toBe('early late')
  expect(socket.remotePort).toBe(PORT)
})

it('one that goes nowhere is refused', async () => {
  const [error] = (await once(net.socket().connect({ port: 1 }), 'error')) as [Error]
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})

it('onread fills one buffer as often as it takes, and stops where no more is wanted', async () => {
  const buffer = Buffer.alloc(4)
  const heard: string[] = []
  const callback = (length: number, into: Uint8Array) => {
    heard.push(Buffer.from(into).toString('latin1', 0, length))
    return heard.length !== 2
  }
  const socket = net.socket({ onread: { buffer, callback } })
  const other = accepted()
  socket.connect({ port: PORT })
  ;(await other).end('abcdefghij')
  await expect.poll(() => heard).toEqual(['abcd', 'efgh'])
  expect(socket.readableEnded).toBe(false)
  socket.resume()
  await once(socket, 'end')
  expect(heard).toEqual(['abcd', 'efgh', 'ij'])
})
