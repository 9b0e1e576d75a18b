import type { Socket } from 'node:net'
import { WireReader } from '@bgs/cluster/kafka/wire-reader.ts'
import { spokenApi } from './apis.ts'
import type { Asked } from './asked.ts'
import type { Broker } from './broker.ts'
import type { Cluster } from './cluster.ts'

/** `socket.request.max.bytes`: a broker reads no larger request. */
const MAX_REQUEST_BYTES = 100 * 1024 * 1024

/** A client's connection to a broker: its requests are answered one after another, in their order. */
export class BrokerConnection {
  readonly #socket: Socket
  readonly #asked: Asked
  /** Read, and not yet looked at. */
  #chunks: Buffer[] = []
  #bytes = 0
  #isWorking = false

  constructor(socket: Socket, cluster: Cluster, broker: Broker, way: number) {
    this.#socket = socket
    this.#asked = {
      cluster,
      broker,
      way,
      isOpen: () => !socket.destroyed,
      cut: () => socket.destroy(),
    }
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      void this.#work()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    for (let request = this.#next(); request !== undefined && this.#asked.isOpen(); request = this.#next())
      await this.#answer(request).catch((error: unknown) => {
        // A request that ends early. All else is a fault of the model.
        if (!(error instanceof RangeError)) throw error
        this.close()
      })
    this.#isWorking = false
  }

  /** The next whole request, if it is there. */
  #next(): Buffer | undefined {
    if (this.#bytes < 4) return undefined
    if ((this.#chunks[0] as Buffer).length < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    const size = (this.#chunks[0] as Buffer).readInt32BE(0)
    if (size < 8 || size > MAX_REQUEST_BYTES) this.close()
    if (this.#bytes < 4 + size) return undefined
    const received = Buffer.concat(this.#chunks)
    this.#chunks = received.length === 4 + size ? [] : [received.subarray(4 + size)]
    this.#bytes -= 4 + size
    return received.subarray(4, 4 + size)
  }

  async #answer(request: Buffer): Promise<void> {
    const { broker, cluster, isOpen } = this.#asked
    const { mood } = broker
    await broker.ready()
    await pause(mood.slowMs + Math.floor(cluster.chance() ** 6 * (cluster.pace.requestMs + 1)))
    await broker.ready()
    const reader = new WireReader(request)
    const key = reader.int16()
    const version = reader.int16()
    const id = reader.int32()
    const api = spokenApi(key, version)
    if (api === undefined || !isOpen()) return this.close()
    reader.string()
    const isFlexible = version >= api.flexibleFrom
    if (isFlexible) reader.tags()
    const body = await api.answer(reader, this.#asked, version)
    await broker.ready()
    if (body === undefined || !isOpen()) return
    this.#send(id, isFlexible, body)
    await pause(mood.throttleMs)
  }

  #send(id: number, isFlexible: boolean, body: readonly Uint8Array[]): void {
    const head = Buffer.alloc(isFlexible ? 9 : 8)
    head.writeInt32BE(
      body.reduce((sum, { length }) => sum + length, head.length - 4),
      0,
    )
    head.writeInt32BE(id, 4)
    this.#socket.cork()
    this.#socket.write(head)
    for (const part of body) this.#socket.write(part)
    this.#socket.uncork()
  }
}

function pause(ms: number): Promise<void> | undefined {
  if (ms <= 0) return undefined
  return new Promise((resolve) => setTimeout(resolve, ms))
}
