import { createServer, type Server } from 'node:net'
import { openPort } from '../open-port.ts'
import type { Broker } from './broker.ts'
import { BrokerConnection } from './broker-connection.ts'
import type { Cluster } from './cluster.ts'

/** What of a broker clients can reach: its listeners and their connections. */
export class BrokerServer {
  readonly #cluster: Cluster
  readonly #broker: Broker
  #servers: Server[] = []
  readonly #connections = new Set<BrokerConnection>()

  constructor(cluster: Cluster, broker: Broker) {
    this.#cluster = cluster
    this.#broker = broker
  }

  /** Opens its ports in the process that calls this. */
  async open(): Promise<void> {
    this.#broker.port = await this.#listen(this.#broker.port, -1)
    for (const [way, { port }] of this.#broker.ways.entries()) await this.#listen(port, way)
  }

  /** Ends all at once. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close()
    for (const connection of this.#connections) connection.close()
    this.#connections.clear()
  }

  #listen(port: number, way: number): Promise<number> {
    const server = createServer((socket) => {
      const connection = new BrokerConnection(socket, this.#cluster, this.#broker, way)
      this.#connections.add(connection)
      socket.on('close', () => this.#connections.delete(connection))
    })
    this.#servers.push(server)
    return openPort(server, port, this.#broker.host)
  }
}
