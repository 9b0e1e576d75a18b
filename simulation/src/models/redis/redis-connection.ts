import type { Socket } from 'node:net'
import { doCommand, type RedisContext } from './commands.ts'
import { CommandReader, encodeReply, type Reply } from './resp.ts'

/** What all connections of a server have in common. */
export interface RedisHost extends Pick<RedisContext, 'keys' | 'now' | 'scripts' | 'publish'> {
  /** Calls it now, or when the server is no longer paused. */
  whenAwake(code: () => void): void
  /** Calls it when all commands before it are done. */
  inOrder(code: () => void): void
  closed(connection: RedisConnection): void
}

/** A client's connection. */
export class RedisConnection {
  readonly #socket: Socket
  readonly #host: RedisHost
  readonly #reader = new CommandReader()
  readonly #context: RedisContext
  #isEnded = false

  constructor(socket: Socket, id: number, host: RedisHost) {
    this.#socket = socket
    this.#host = host
    const { keys, now, scripts } = host
    this.#context = {
      keys,
      now,
      scripts,
      id,
      subscriptions: new Set(),
      version: 2,
      send: (reply) => this.#send(reply),
      publish: (channel, text) => host.publish(channel, text),
    }
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => host.whenAwake(() => this.#read(bytes)))
    socket.on('close', () => host.whenAwake(() => this.end()))
  }

  /** Breaks it. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#host.closed(this)
    this.#socket.destroy()
  }

  /** Tells it what was published, if it listens. Returns whether it does. */
  hear(channel: string, text: string): boolean {
    const listens = this.#context.subscriptions.has(channel)
    if (listens) this.#send({ push: ['message', channel, text] })
    return listens
  }

  #read(bytes: Buffer): void {
    if (this.#isEnded) return
    try {
      for (const command of this.#reader.read(bytes))
        this.#host.inOrder(() => {
          if (!this.#isEnded) this.#send(doCommand(command, this.#context))
        })
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#send({ error: `ERR Protocol error: ${error.message}` })
      this.end()
    }
  }

  #send(reply: Reply): void {
    this.#socket.write(encodeReply(reply, this.#context.version), 'latin1')
  }
}
