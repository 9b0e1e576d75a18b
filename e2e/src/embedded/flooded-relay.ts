import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { expect } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

/** What the relay may hold more of, whatever is sent to it. */
const MORE_RSS = 64 * 1024 * 1024
/** Nobody else waits longer. */
const OTHERS_MS = 1_000

export type ListenerName = 'public' | 'operator'
export const CRAWL = 'POST /xrpc/com.atproto.sync.requestCrawl HTTP/1.1\r\nhost: x\r\n'

/** A relay of which one listener is sent what nobody should send, while one subscriber reads on. */
export class FloodedRelay implements AsyncDisposable {
  readonly sockets: Socket[] = []
  readonly #listener: ListenerName
  readonly #network: SimNetwork
  readonly #relay: RelayProcess
  readonly #checker: CheckingSubscriber
  readonly #folder: ReturnType<typeof tempFolder>
  #before = 0

  private constructor(
    listener: ListenerName,
    parts: {
      network: SimNetwork
      relay: RelayProcess
      checker: CheckingSubscriber
      folder: ReturnType<typeof tempFolder>
    },
  ) {
    this.#listener = listener
    this.#network = parts.network
    this.#relay = parts.relay
    this.#checker = parts.checker
    this.#folder = parts.folder
  }

  static async start(listener: ListenerName): Promise<FloodedRelay> {
    const folder = tempFolder()
    const network = await SimNetwork.start({ seed: 5, hosts: 1, accountsPerHost: 4 })
    const relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
    const checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await checker.untilCaughtUp(20_000)
    return new FloodedRelay(listener, { network, relay, checker, folder })
  }

  /** Ends what was opened so far; from here on memory is measured. */
  beginToMeasure(): void {
    this.hangUp()
    this.#before = this.#relay.peakRss()
  }

  hangUp(): void {
    for (const socket of this.sockets.splice(0)) socket.destroy()
  }

  /** A connection to the listener that begins with `text`. */
  async open(text: string): Promise<Socket> {
    const socket = connect(this.#listener === 'public' ? this.#relay.port : this.#relay.opsPort, '127.0.0.1')
    this.sockets.push(socket)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text, 'latin1')
    return socket
  }

  /** Whether both listeners answer others, in time. */
  async isServed(): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#relay.port}/_health`
    const response = await fetch(url, { signal: AbortSignal.timeout(OTHERS_MS) })
    const operator = await fetch(`http://127.0.0.1:${this.#relay.opsPort}/livez`, {
      signal: AbortSignal.timeout(OTHERS_MS),
    })
    return response.ok && operator.ok
  }

  /** Once it is over: subscribers get what comes, in time, and memory has its bound. */
  async expectUnharmed(): Promise<void> {
    this.hangUp()
    for (const did of this.#network.residents.keys())
      await this.#network.commit(did, (account) => account.post())
    await this.#checker.untilCaughtUp(OTHERS_MS)
    const more = this.#relay.peakRss() - this.#before
    process.stdout.write(`the ${this.#listener} listener: ${Math.round(more / 2 ** 20)} MiB more\n`)
    expect(more).toBeLessThan(MORE_RSS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp()
    await this.#checker.close()
    await this.#relay.kill('SIGKILL')
    await this.#network.close()
    this.#folder.remove()
  }
}
