import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** Lets a server listen at a port, 0: any that is free. Resolves to the port; the same where it was closed meanwhile. */
export async function openPort(server: Server, port: number, host = '127.0.0.1'): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo | null)?.port ?? port
}
