import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range that systems take the ports of outgoing connections from: a server that is down for a moment must
 * find its port free when it comes back, and a client must not connect to itself there.
 */
const FIRST = 15_000
const COUNT = 15_000

/** A port of 127.0.0.1 on which nothing listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return port
    } catch {
      // Taken: another one.
    } finally {
      if (server.listening) {
        server.close()
        await once(server, 'close')
      }
    }
  }
}
