import { connect, type Socket } from 'node:net'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { KafkaError } from './kafka-error.ts'
import { WireWriter } from './wire-writer.ts'

const CLIENT_ID = 'relay'
/** No response of a request made here is larger: a fetch asks for less, but is given one whole record. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024

/** Read from a socket at once. */
const READ_BYTES = 128 * 1024

/** An API of the protocol at the version that is spoken here; `flexible` ones have tagged fields in their headers. */
export interface Api {
  readonly key: number
  readonly version: number
  readonly flexible: boolean
}

interface Pending {
  readonly id: number
  readonly flexible: boolean
  readonly timer: NodeJS.Timeout
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: Error) => void
}

/**
 * One connection to one broker. A broker answers the requests of a connection in order, and a long poll holds up what
 * comes behind it: each purpose has connections of its own. A request without an answer in time ends the connection,
 * so that no late answer can be taken for that of another.
 */
export class KafkaConnection {
  readonly #socket: Socket
  readonly #name: string
  readonly #pending: Pending[] = []
  #lastId = 0
  #ended: Error | undefined
  /** The response that is being received, with its size in front; and what of it is there. */
  #response: Buffer | undefined
  #received = 0
  readonly #size = Buffer.alloc(4)

  private constructor(socket: Socket, name: string) {
    this.#socket = socket
    this.#name = name
    socket.setNoDelay(true)
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('closed')))
  }

  /** Throws KafkaError DISCONNECTED. */
  static open(host: string, port: number, timeoutMs: number): Promise<KafkaConnection> {
    const name = `${host}:${port}`
    return new Promise((resolve, reject) => {
      // One buffer for all that is read: its bytes are copied into the response at once.
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
      let opened: KafkaConnection | undefined
      const onRead = (bytes: number) => {
        if (opened !== undefined) opened.#onData(buffer.subarray(0, bytes))
        return true
      }
      const socket = connect({ host, port, keepAlive: true, onread: { buffer, callback: onRead } })
      const failed = (cause: Error) => {
        clearTimeout(timer)
        socket.destroy()
        reject(
          new KafkaError(
            'DISCONNECTED',
            `Kafka broker ${name} cannot be reached: ${errorText(cause)}`,
            cause,
          ),
        )
      }
      const timer = setTimeout(() => failed(new Error('no connection in time')), timeoutMs)
      socket.once('error', failed)
      socket.once('connect', () => {
        clearTimeout(timer)
        socket.off('error', failed)
        opened = new KafkaConnection(socket, name)
        resolve(opened)
      })
    })
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** Sends a request; resolves to the body of its response. Throws KafkaError DISCONNECTED or TIMEOUT: outcome unknown. */
  request(api: Api, body: readonly Uint8Array[], timeoutMs: number): Promise<Buffer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = ++this.#lastId
    const header = new WireWriter().int16(api.key).int16(api.version).int32(id).string(CLIENT_ID)
    if (api.flexible) header.uvarint(0)
    const bytes = body.reduce((sum, part) => sum + part.length, header.bytes.length)
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes, 0)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          this.#end(
            new KafkaError('TIMEOUT', `Kafka broker ${this.#name} gave no answer in ${timeoutMs} ms`),
          ),
        timeoutMs,
      )
      this.#pending.push({ id, flexible: api.flexible, timer, resolve, reject })
      this.#socket.cork()
      this.#socket.write(size)
      this.#socket.write(header.bytes)
      for (const part of body) this.#socket.write(part)
      this.#socket.uncork()
    })
  }

  close(): void {
    this.#end(new Error('closed here'))
  }

  #onData(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && this.#ended === undefined) {
      if (this.#response === undefined) {
        const taken = chunk.copy(this.#size, this.#received, at)
        at += taken
        this.#received += taken
        if (this.#received < 4) return
        const size = this.#size.readInt32BE(0)
        if (size < 4 || size > MAX_RESPONSE_BYTES) return this.#end(new Error(`a response of ${size} bytes`))
        this.#response = Buffer.allocUnsafeSlow(size)
        this.#received = 0
      }
      const taken = chunk.copy(this.#response, this.#received, at)
      at += taken
      this.#received += taken
      if (this.#received < this.#response.length) return
      const response = this.#response
      this.#response = undefined
      this.#received = 0
      this.#onResponse(response)
    }
  }

  #onResponse(response: Buffer): void {
    const [pending] = this.#pending
    if (pending === undefined || response.readInt32BE(0) !== pending.id)
      return this.#end(new Error('an answer to no question'))
    this.#pending.shift()
    clearTimeout(pending.timer)
    // The one tagged field count of a flexible header; no broker sends any there.
    pending.resolve(response.subarray(pending.flexible ? 5 : 4))
  }

  #end(cause: Error): void {
    if (this.#ended !== undefined) return
    const error =
      cause instanceof KafkaError
        ? cause
        : new KafkaError(
            'DISCONNECTED',
            `the connection to Kafka broker ${this.#name} ended: ${errorText(cause)}`,
            cause,
          )
    this.#ended = error
    this.#socket.destroy()
    for (const { timer, reject } of this.#pending.splice(0)) {
      clearTimeout(timer)
      reject(error)
    }
  }
}
