import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range that systems take the ports of outgoing connections from: a server that is down for a moment must
 * find its port free when it comes back, and a client must not connect to itself there.
 */
const FIRST = 15_000
const COUNT = 15_000
/** Test files that run side by side draw from different shares: a port on which nobody listens yet may be spoken for. */
const SHARES = 5
const EACH = COUNT / SHARES
const share = Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES
const given = new Set<number>()

/** A port of 127.0.0.1 on which nothing listens, and which this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + share * EACH + Math.floor(Math.random() * EACH)
    if (given.has(port)) continue
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      given.add(port)
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
