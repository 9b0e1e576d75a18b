import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Begins to listen, beside others on the same port with `reusePort`; resolves to the port. Rejects where it cannot. */
export function listen(server: Server, port: number, host: string, reusePort = false): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, reusePort }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Closes a server and what is still connected to it, after a moment for answers under way. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 1_000).unref()
  })
}

/** An address as a person on this machine would type it. */
export function shown(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}
