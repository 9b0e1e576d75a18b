import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What is lost: the COMMIT itself, while the server believes that the connection lives on; or the answer to it. With
 * `held` nothing is lost yet: the COMMIT arrives when the test says so.
 */
export type Cut = 'commit' | 'answer' | 'held'

/** Stands between a client and PostgreSQL, and cuts the connection around the next COMMIT. */
export class CommitCutter implements AsyncDisposable {
  readonly #server: Server
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #next: { cut: Cut; done: PromiseWithResolvers<() => void> } | undefined

  private constructor(target: URL) {
    this.#target = target
    this.#server = createServer((client) => this.#join(client))
  }

  static async before(url: string): Promise<CommitCutter> {
    const cutter = new CommitCutter(new URL(url))
    cutter.#server.listen(0, '127.0.0.1')
    await once(cutter.#server, 'listening')
    return cutter
  }

  get url(): string {
    const url = new URL(this.#target)
    url.port = String((this.#server.address() as { port: number }).port)
    return url.href
  }

  /** Resolves when the next COMMIT was cut, or is held; then to what lets it go on. */
  cutNext(cut: Cut): Promise<() => void> {
    this.#next = { cut, done: Promise.withResolvers() }
    return this.#next.done.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
    }
    let vanished = false
    client.on('data', (bytes) => {
      if (this.#next === undefined || !bytes.includes('COMMIT\0')) return void server.write(bytes)
      const { cut, done } = this.#next
      this.#next = undefined
      if (cut === 'held') return done.resolve(() => server.write(bytes))
      if (cut === 'commit') {
        vanished = true
        client.destroy()
        return done.resolve(() => undefined)
      }
      server.removeAllListeners('data')
      server.once('data', () => {
        client.destroy()
        server.destroy()
        done.resolve(() => undefined)
      })
      server.write(bytes)
    })
    server.on('data', (bytes) => client.write(bytes))
    server.on('close', () => client.destroy())
    client.on('close', () => {
      // A client that vanished says no goodbye: what it had at the server stays there until the test ends.
      if (!vanished) server.destroy()
    })
  }
}
