import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, KafkaConnection } from './connection.ts'

const PLAIN: Api = { key: 3, version: 7, flexible: false }
const FLEXIBLE: Api = { key: 18, version: 10, flexible: true }
const LONG_MS = 30_000

/** One request as the broker sees it. */
interface Request {
  readonly key: number
  readonly version: number
  readonly id: number
  readonly client: string
  readonly rest: Buffer
}

/** Takes requests apart by the guide to the protocol; answers are up to the test. */
class FakeBroker implements AsyncDisposable {
  readonly requests: Request[] = []
  readonly sockets: Socket[] = []
  /** Called for each request. */
  onRequest: (request: Request, socket: Socket) => void = () => undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((socket) => {
      this.sockets.push(socket)
      socket.on('error', () => undefined)
      let bytes = Buffer.alloc(0)
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk])
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
          const end = 4 + bytes.readInt32BE(0)
          this.#take(bytes.subarray(4, end), socket)
          bytes = bytes.subarray(end)
        }
      })
    })
  }

  static async start(): Promise<FakeBroker> {
    const broker = new FakeBroker()
    broker.#server.listen(0, '127.0.0.1')
    await once(broker.#server, 'listening')
    return broker
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  #take(bytes: Buffer, socket: Socket): void {
    const length = bytes.readInt16BE(8)
    const request = {
      key: bytes.readInt16BE(0),
      version: bytes.readInt16BE(2),
      id: bytes.readInt32BE(4),
      client: bytes.toString('utf8', 10, 10 + length),
      rest: Buffer.from(bytes.subarray(10 + length)),
    }
    this.requests.push(request)
    this.onRequest(request, socket)
  }
}

function answer(id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + body.length, 0)
  head.writeInt32BE(id, 4)
  return Buffer.concat([head, body])
}

let broker: FakeBroker
let connection: KafkaConnection
beforeEach(async () => {
  broker = await FakeBroker.start()
  connection = await KafkaConnection.open('127.0.0.1', broker.port, LONG_MS)
})
afterEach(async () => {
  connection.close()
  await broker[Symbol.asyncDispose]()
})

const ask = (text: string, api = PLAIN, timeoutMs = LONG_MS) =>
  connection.request(api, [Buffer.from(text)], timeoutMs)
/** What a request that must fail said. */
const failure = (request: Promise<Buffer>) =>
  request.then(
    () => expect.unreachable('it was answered'),
    (error: { code: string; message: string }) => error,
  )

describe('a connection to a broker', () => {
  it('sends header and body as the protocol has them, and gives the body of each answer to its asker', async () => {
    broker.onRequest = ({ id, rest }, socket) => {
      socket.write(answer(id, Buffer.from(`re: ${rest.toString()}`)))
    }
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => ask(text)))
    expect(answers.map(String)).toEqual(['re: a', 're: b', 're: c'])
    expect(broker.requests).toMatchObject([
      { key: 3, version: 7, id: 1, client: 'relay' },
      { key: 3, version: 7, id: 2 },
      { key: 3, version: 7, id: 3 },
    ])
  })

  it('knows the tagged fields of flexible headers, both ways', async () => {
    broker.onRequest = ({ id }, socket) => {
      socket.write(answer(id, Buffer.from('\0body')))
    }
    expect((await ask('x', FLEXIBLE)).toString()).toBe('body')
    expect(broker.requests[0]?.rest.toString()).toBe('\0x')
  })

  it('puts answers together that come byte by byte, or several at once with the next one cut', async () => {
    const asked = ['a', 'b', 'c', 'd'].map((text) => ask(text))
    await until('four requests', () => broker.requests.length === 4)
    const all = Buffer.concat([1, 2, 3, 4].map((id) => answer(id, Buffer.alloc(id * 3, id))))
    const [socket] = broker.sockets as [Socket]
    socket.setNoDelay(true)
    for (const byte of all.subarray(0, 20)) {
      socket.write(Buffer.from([byte]))
      await turn()
    }
    socket.write(all.subarray(20, 40))
    await turn()
    socket.write(all.subarray(40))
    const answers = await Promise.all(asked)
    expect(answers).toEqual([1, 2, 3, 4].map((id) => Buffer.alloc(id * 3, id)))
  })

  it.each([
    ['of another question', (id: number) => answer(id + 1, Buffer.alloc(4))],
    ['of a negative size', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0])],
    ['of an absurd size', () => Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0])],
    ['without room for its number', () => Buffer.from([0, 0, 0, 3, 0, 0, 0])],
  ])('an answer %s ends it: nobody gets what is another’s', async (_name, bytes) => {
    const asked = [ask('a'), ask('b')]
    broker.onRequest = ({ id }, socket) => {
      if (id === 2) socket.write(bytes(1))
    }
    for (const { code } of await Promise.all(asked.map(failure))) expect(code).toBe('DISCONNECTED')
    expect(connection.isOpen).toBe(false)
    expect((await failure(ask('late'))).code).toBe('DISCONNECTED')
  })

  it('an answer to no question ends it', async () => {
    broker.onRequest = ({ id }, socket) => {
      socket.write(Buffer.concat([answer(id, Buffer.from('ok')), answer(id, Buffer.from('again'))]))
    }
    expect((await ask('a')).toString()).toBe('ok')
    await until('the end', () => !connection.isOpen)
  })

  it('no answer in time ends it, and all that wait: a late answer can be taken for no other', async () => {
    const asked = [ask('a'), ask('b', PLAIN, 30), ask('c')]
    for (const { code, message } of await Promise.all(asked.map(failure))) {
      expect(code).toBe('TIMEOUT')
      expect(message).toContain(`127.0.0.1:${broker.port}`)
    }
    expect(connection.isOpen).toBe(false)
    const [socket] = broker.sockets as [Socket]
    await until('the broker sees it', () => socket.destroyed || socket.readableEnded)
  })

  it('an answer ends the wait for it alone', async () => {
    broker.onRequest = ({ id, rest }, socket) => {
      if (rest.toString() === 'quick') socket.write(answer(id, Buffer.from('!')))
    }
    expect((await ask('quick', PLAIN, 60)).toString()).toBe('!')
    const waits = ask('slow')
    // Longer than the first one would have waited.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(connection.isOpen).toBe(true)
    connection.close()
    await failure(waits)
  })

  it('a broker that goes away in the middle of an answer rejects all that wait', async () => {
    broker.onRequest = ({ id }, socket) => {
      if (id === 2) socket.end(answer(1, Buffer.alloc(100)).subarray(0, 50))
    }
    const asked = [ask('a'), ask('b')]
    for (const { code } of await Promise.all(asked.map(failure))) expect(code).toBe('DISCONNECTED')
  })

  it('close rejects what waits and what comes, and may be called again', async () => {
    const waiting = ask('a')
    connection.close()
    connection.close()
    expect((await failure(waiting)).message).toContain('closed here')
    expect((await failure(ask('b'))).code).toBe('DISCONNECTED')
  })

  it('a broker that is not there cannot be reached', async () => {
    const { port } = broker
    await broker[Symbol.asyncDispose]()
    await expect(KafkaConnection.open('127.0.0.1', port, LONG_MS)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('cannot be reached') as string,
    })
  })
})
