import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ServerSocket } from '@bgs/simnet/server-socket.ts'
import { webSocketFrame } from '@bgs/simnet/wire.ts'
import { answerParent } from './child.ts'
import type { Certificate } from './self-signed.ts'

const LOOK_EVERY_MS = 10

const sockets: ServerSocket[] = []

const answers = {
  /** Serves event streams, over TLS with a certificate; resolves to the port. */
  listen: async (certificate: Certificate | null): Promise<number> => {
    const server =
      certificate === null
        ? createServer()
        : createSecureServer({
            key: readFileSync(certificate.keyFile),
            cert: readFileSync(certificate.certFile),
          })
    server.on('upgrade', (request, socket) => sockets.push(ServerSocket.accept(request, socket)))
    server.on('connection', (socket) => socket.setNoDelay(true))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  /** Resolves when so many have subscribed. */
  connected: async (count: number): Promise<void> => {
    while (sockets.length < count) await delay(LOOK_EVERY_MS)
  },
  /** Writes so many frames together to every subscriber, and again when all have taken them. */
  send: async (options: { writes: number; framesPerWrite: number; frameBytes: number }): Promise<void> => {
    const frames = Array.from({ length: options.framesPerWrite }, () =>
      webSocketFrame(randomBytes(options.frameBytes)),
    )
    const block = Buffer.concat(frames)
    for (let i = 0; i < options.writes; i++)
      await Promise.all(
        sockets.map(({ socket }) => new Promise<void>((taken) => socket.write(block, () => taken()))),
      )
  },
}

export type TlsSenderAnswers = typeof answers

answerParent(answers)
