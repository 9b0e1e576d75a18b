import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import type { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'

/** Long enough to carry records: what a broker says of itself is shorter. */
const MIN_BYTES = 4_096

/** Stands before a broker, and while it is told to, flips a bit in the midst of what is fetched. */
export class FlippingProxy implements AsyncDisposable {
  flips = false
  flipped = 0
  readonly #server: Server
  readonly #port: number

  private constructor(host: string, port: number) {
    this.#port = port
    this.#server = createServer((client) => {
      const broker = connect({ host, port })
      client.on('error', () => broker.destroy())
      broker.on('error', () => client.destroy())
      client.on('close', () => broker.destroy())
      broker.on('close', () => client.destroy())
      client.pipe(broker)
      broker.on('data', (bytes) => {
        if (this.flips && bytes.length > MIN_BYTES) {
          const middle = bytes.length >> 1
          bytes[middle] = (bytes[middle] as number) ^ 1
          this.flipped++
        }
        client.write(bytes)
      })
    })
  }

  /** `broker`: host:port. */
  static async before(broker: string): Promise<FlippingProxy> {
    const [host = '', port = ''] = broker.split(':')
    const proxy = new FlippingProxy(host, Number(port))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** The broker tells its own address: the cluster is made to come here instead. */
  redirect(cluster: KafkaCluster): void {
    const port = (this.#server.address() as { port: number }).port
    const ask = cluster.address.bind(cluster)
    cluster.address = (node) => {
      const found = ask(node)
      return found?.port === this.#port ? { ...found, port } : found
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}
