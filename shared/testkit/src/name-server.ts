import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** What a name server does with a name: its addresses, no such name, `refuses`, or no word at all. */
export type NameAnswer = readonly string[] | 'unknown' | 'refuses' | 'silent'

const A = 1
const AAAA = 28

/** A name server on loopback, for tests: knows the names that it is given, and is silent about those that it is told to be. */
export class NameServer {
  readonly names = new Map<string, NameAnswer>()
  /** Names that were asked for, once for each question. */
  readonly asked: string[] = []
  ttl = 60
  readonly #socket: Socket = createSocket('udp4')

  static async start(): Promise<NameServer> {
    const server = new NameServer()
    server.#socket.on('message', (question, from) => {
      const answer = server.#answer(question)
      if (answer !== undefined) server.#socket.send(answer, from.port, from.address)
    })
    server.#socket.bind(0, '127.0.0.1')
    await once(server.#socket, 'listening')
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  close(): void {
    this.#socket.close()
  }

  #answer(question: Buffer): Buffer | undefined {
    const labels: string[] = []
    let at = 12
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const type = question.readUInt16BE(at + 1)
    const name = labels.join('.').toLowerCase()
    if (type === A) this.asked.push(name)
    const known = this.names.get(name) ?? 'unknown'
    if (known === 'silent') return undefined
    const addresses =
      typeof known === 'string' ? [] : known.filter((one) => one.includes(':') === (type === AAAA))
    const code = known === 'unknown' ? 3 : known === 'refuses' ? 5 : 0
    const head = Buffer.alloc(12)
    question.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180 | code, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(addresses.length, 6)
    const records = addresses.map((address) => {
      const data = type === A ? Buffer.from(address.split('.').map(Number)) : ipv6(address)
      const record = Buffer.alloc(12)
      record.writeUInt16BE(0xc00c, 0)
      record.writeUInt16BE(type, 2)
      record.writeUInt16BE(1, 4)
      record.writeUInt32BE(this.ttl, 6)
      record.writeUInt16BE(data.length, 10)
      return Buffer.concat([record, data])
    })
    return Buffer.concat([head, question.subarray(12, at + 5), ...records])
  }
}

/** An address that is written without `::` but at its end. */
function ipv6(address: string): Buffer {
  const bytes = Buffer.alloc(16)
  const words = address.split('::')
  const put = (part: string | undefined, end: boolean) => {
    const numbers = (part ?? '').split(':').filter((word) => word !== '')
    for (const [i, word] of numbers.entries())
      bytes.writeUInt16BE(Number.parseInt(word, 16), end ? 16 - 2 * (numbers.length - i) : 2 * i)
  }
  put(words[0], false)
  put(words[1], true)
  return bytes
}
