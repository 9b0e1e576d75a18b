import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { LoopbackServer } from './loopback-server.ts'
import { sendJson } from './plc.ts'
import { ServerSocket } from './server-socket.ts'
import { webSocketFrame } from './wire.ts'

/** A server that misbehaves below the level of messages. `connections` counts open sockets, `attempts` all so far. */
export class HostileServer {
  attempts = 0
  private readonly listener: LoopbackServer

  private constructor(listener: LoopbackServer) {
    this.listener = listener
    listener.server.on('connection', () => {
      this.attempts++
    })
  }

  get hostname(): string {
    return `localhost:${this.listener.port}`
  }

  get endpoint(): string {
    return `http://${this.hostname}`
  }

  get connections(): number {
    return this.listener.connections
  }

  close(): Promise<void> {
    return this.listener.close()
  }

  /** Accepts TCP connections and never says a word: no handshake ever ends (H4). */
  static silentTcp(): Promise<HostileServer> {
    return HostileServer.listen(new LoopbackServer(createTcpServer((socket) => socket.resume())))
  }

  /** Answers describeServer and the handshake, then neither sends nor answers pings (W12). */
  static silentWebSocket(): Promise<HostileServer> {
    return HostileServer.upgrading((socket) => {
      socket.socket.removeAllListeners('data')
      socket.socket.resume()
    })
  }

  /** Redirects every request and every upgrade to itself (W14). */
  static redirectLoop(): Promise<HostileServer> {
    const http = createHttpServer((req, res) => {
      res.writeHead(302, { Location: req.url ?? '/' }).end()
    })
    http.on('upgrade', (req, socket) => {
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: ${req.url ?? '/'}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )
    })
    return HostileServer.listen(new LoopbackServer(http))
  }

  /** Answers the upgrade with this status (W13), and describeServer as a host does. */
  static refusing(status: number, headers = ''): Promise<HostileServer> {
    const http = createHttpServer((_req, res) => sendJson(res, 200, { did: 'did:web:localhost' }))
    http.on('upgrade', (_req, socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\n${headers}Content-Length: 0\r\nConnection: close\r\n\r\n`)
    })
    return HostileServer.listen(new LoopbackServer(http))
  }

  /** Sends one message a byte at a time and never comes to its end within a test's patience. */
  static slowDrip(payload: Uint8Array, millisPerByte = 100): Promise<HostileServer> {
    return HostileServer.upgrading((socket) => {
      const frame = webSocketFrame(payload)
      let sent = 0
      const timer = setInterval(() => {
        if (sent < frame.length && socket.open) socket.write(frame.subarray(sent, ++sent))
        else clearInterval(timer)
      }, millisPerByte)
    })
  }

  /** Announces a message of 2^62 bytes and goes on sending zeros until cut off (W7). */
  static endlessMessage(): Promise<HostileServer> {
    return HostileServer.upgrading((socket) => {
      socket.write(Buffer.from('827f4000000000000000', 'hex'))
      const chunk = Buffer.alloc(65_536)
      const fill = () => {
        while (socket.open && socket.write(chunk));
      }
      socket.socket.on('drain', fill)
      fill()
    })
  }

  private static upgrading(serve: (socket: ServerSocket) => void): Promise<HostileServer> {
    const http = createHttpServer((_req, res) => sendJson(res, 200, { did: 'did:web:localhost' }))
    http.on('upgrade', (req, socket) => serve(ServerSocket.accept(req, socket)))
    return HostileServer.listen(new LoopbackServer(http))
  }

  private static async listen(listener: LoopbackServer): Promise<HostileServer> {
    const server = new HostileServer(listener)
    await listener.listen()
    return server
  }
}
