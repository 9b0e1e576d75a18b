import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What a cut link does: `refused`: connections end, and new ones are reset. `silent`: nothing passes, and nobody is told.
 * `unheard`: only what the server sends passes; `unanswered`: only what the client sends.
 */
export const CUTS = ['refused', 'silent', 'unheard', 'unanswered'] as const
export type Cut = (typeof CUTS)[number]

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** The way of one process to one server, on loopback, that can be cut and healed: for tests. */
export class TcpLink implements AsyncDisposable {
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #cut: Cut | undefined

  private constructor(target: () => number) {
    // A half that ends says so to the other when all before it is through.
    this.#listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
      this.#join(client, target()),
    )
  }

  /** `target` is asked for the server's port with each connection. */
  static async open(target: () => number): Promise<TcpLink> {
    const link = new TcpLink(target)
    link.#listener.listen(0, '127.0.0.1')
    await once(link.#listener, 'listening')
    return link
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  get isCut(): boolean {
    return this.#cut !== undefined
  }

  cut(how: Cut): void {
    this.#cut = how
    if (how === 'refused') this.#resetAll()
    else for (const pair of this.#pairs) this.#turn(pair)
  }

  /** What was held up while it was silent goes on, as it does when packets are sent again. */
  heal(): void {
    this.#cut = undefined
    for (const pair of this.#pairs) this.#turn(pair)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#resetAll()
    if (!this.#listener.listening) return
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #resetAll(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    this.#pairs.clear()
  }

  #join(client: Socket, port: number): void {
    client.on('error', () => undefined)
    if (this.#cut === 'refused') {
      client.resetAndDestroy()
      return
    }
    const server = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    server.pause()
    client.setNoDelay(true)
    const pair = { client, server }
    this.#pairs.add(pair)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.destroy())
      from.on('end', () => to.end())
      from.on('close', () => {
        this.#pairs.delete(pair)
        to.destroy()
      })
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => this.#turn(pair))
    }
    this.#turn(pair)
  }

  /** Lets each direction go on or stop, as the link is now. */
  #turn({ client, server }: Pair): void {
    const stop = (socket: Socket, isStopped: boolean) => (isStopped ? socket.pause() : socket.resume())
    stop(client, this.#cut === 'silent' || this.#cut === 'unheard')
    stop(server, this.#cut === 'silent' || this.#cut === 'unanswered')
  }
}
