import { createServer, type Server, type Socket } from 'node:net'
import { openPort } from '../open-port.ts'
import { Pausable } from '../pausable.ts'
import { Keyspace } from './keyspace.ts'
import { RedisConnection } from './redis-connection.ts'

export interface RedisModelOptions {
  /** In [0, 1). */
  readonly chance: () => number
  /** 0: any. */
  readonly port?: number
  /** Its clock, milliseconds. */
  readonly now?: () => number
}

/** How the server is now. */
export interface RedisMood {
  /** Of each command, milliseconds: one after the other, for all clients. */
  commandMs: number
  /** Connections are ended as soon as they are made: too many. */
  refuses: boolean
}

/**
 * A Redis over TCP that keeps nothing on disk: started again, it is empty. It knows the commands that the relay and its
 * library use, and scripts are real Lua (fengari). Its clock is `Date.now` of the process that calls `start`; its other
 * methods may be called by anybody.
 */
export class RedisModel {
  readonly mood: RedisMood = { commandMs: 0, refuses: false }
  readonly now: () => number
  readonly keys: Keyspace
  readonly scripts = new Map<string, string>()
  readonly #pausable = new Pausable()
  readonly #connections = new Set<RedisConnection>()
  #commands: (() => void)[] = []
  #working: NodeJS.Timeout | undefined
  #port: number
  #server: Server | undefined
  #lastId = 0

  constructor({ chance, port = 0, now = () => Date.now() }: RedisModelOptions) {
    this.#port = port
    this.now = now
    this.keys = new Keyspace(now, chance)
  }

  /** The port is known once it was started, or was given. */
  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** Listens, as the process that calls it; always on the same port, to which it resolves. */
  async start(): Promise<number> {
    if (this.#server !== undefined) return this.#port
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    server.once('error', () => {
      this.#server = undefined
    })
    this.#port = await openPort(server, this.#port)
    return this.#port
  }

  /** Ends, whether properly or by SIGKILL: connections break, and all is forgotten. */
  kill(): void {
    this.#server?.close()
    this.#server = undefined
    this.#pausable.end()
    clearTimeout(this.#working)
    this.#working = undefined
    this.#commands = []
    this.cutConnections()
    this.keys.clear()
    this.scripts.clear()
  }

  /** Forgets all keys. */
  flush(): void {
    this.keys.clear()
  }

  /** Nothing answers from now on, while connections stay open and may be made: as SIGSTOP. */
  pause(): void {
    this.#pausable.pause()
  }

  /** Goes on with all that has come in since. */
  resume(): void {
    this.#pausable.resume()
  }

  /** Pauses for so long. */
  hang(ms: number): void {
    this.#pausable.hang(ms)
  }

  /** Breaks all connections. Returns how many. */
  cutConnections(): number {
    const all = [...this.#connections]
    for (const connection of all) connection.end()
    return all.length
  }

  whenAwake(code: () => void): void {
    this.#pausable.whenAwake(code)
  }

  inOrder(code: () => void): void {
    this.#commands.push(code)
    if (this.#working === undefined) this.#work()
  }

  publish(channel: string, text: string): number {
    return [...this.#connections].filter((connection) => connection.hear(channel, text)).length
  }

  closed(connection: RedisConnection): void {
    this.#connections.delete(connection)
  }

  #accept(socket: Socket): void {
    if (this.mood.refuses) socket.end('-ERR max number of clients reached\r\n')
    else this.#connections.add(new RedisConnection(socket, ++this.#lastId, this))
  }

  #work(): void {
    while (this.#commands.length > 0) {
      if (this.mood.commandMs > 0) {
        this.#working = setTimeout(() => this.whenAwake(() => this.#next()), this.mood.commandMs)
        return
      }
      this.#commands.shift()?.()
    }
  }

  #next(): void {
    this.#working = undefined
    this.#commands.shift()?.()
    this.#work()
  }
}
