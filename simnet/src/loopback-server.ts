import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'

/**
 * Listens on the loopback address only and keeps the sockets, so that closing never waits for a peer.
 * `localhost` may mean ::1 first; 127.0.0.1 is bound, and clients that honour RFC 6555 fall back to it.
 */
export class LoopbackServer {
  readonly server: Server | NetServer
  private readonly sockets = new Set<Socket>()

  constructor(server: Server | NetServer) {
    this.server = server
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  async listen(port = 0): Promise<void> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
  }

  get port(): number {
    const address = this.server.address() as AddressInfo | null
    if (address === null) throw new Error('server is not listening')
    return address.port
  }

  /** How many TCP connections are open. */
  get connections(): number {
    return this.sockets.size
  }

  /** Cuts every connection as a crash would. */
  sever(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  async close(): Promise<void> {
    if (!this.server.listening) return
    const closed = once(this.server, 'close')
    this.server.close()
    this.sever()
    await closed
  }
}
