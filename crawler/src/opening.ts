import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { checkTarget, connectOut, openAddresses } from '@bgs/runtime/net/guard.ts'
import type { NameLookup } from '@bgs/runtime/net/name-lookup.ts'

/** From the first packet to the end of the handshake, redirects with it (protocol.md H4). */
export const HANDSHAKE_MS = 5_000
const TLS_PORT = 443

export type Names = Pick<NameLookup, 'addressesOf'>

/** What the WebSocket library says of the socket that it wants; `defaultPort` tells wss from ws. */
interface Wanted extends Omit<ConnectionOptions, 'host' | 'port'> {
  readonly host: string
  readonly port: number | string
  readonly defaultPort: number
}
type Done = (error: Error | null, socket?: Duplex) => void

/**
 * The opening of one connection: each socket for it goes to an address that was looked up and checked (H7), the one it
 * begins with and those that redirects lead to. Its deadline does not run while a name is looked up: that has one of its own.
 */
export class Opening {
  readonly #names: Names
  readonly #allowPrivate: boolean
  readonly #late: () => void
  readonly #given = new AbortController()
  #leftMs = HANDSHAKE_MS
  #sinceMs = 0
  #timer: NodeJS.Timeout | undefined

  /** `late` is called once, when the deadline has passed. */
  constructor(names: Names, allowPrivate: boolean, late: () => void) {
    this.#names = names
    this.#allowPrivate = allowPrivate
    this.#late = late
  }

  /** As `createConnection` of a request: `done` gets the socket, or why there is none. */
  readonly createConnection = (options: Wanted, done: Done): undefined => {
    this.#connect(options).then((socket) => done(null, socket), done)
  }

  /** It is open, or given up. */
  end(): void {
    this.#stopClock()
    this.#given.abort(new Error('given up'))
  }

  async #connect(options: Wanted): Promise<Duplex> {
    const { host, port: portText, defaultPort, ...tls } = options
    const port = Number(portText)
    const secure = defaultPort === TLS_PORT
    const name = host.includes(':') ? `[${host}]` : host
    checkTarget(new URL(`${secure ? 'wss' : 'ws'}://${name}:${port}`), this.#allowPrivate)
    this.#stopClock()
    const found = await this.#names.addressesOf(host)
    this.#given.signal.throwIfAborted()
    this.#startClock()
    const addresses = openAddresses(host, found, this.#allowPrivate)
    return connectOut({ host, port, addresses, ...(secure ? { tls } : {}) }, this.#given.signal)
  }

  #startClock(): void {
    this.#sinceMs = performance.now()
    this.#timer = setTimeout(this.#late, Math.max(this.#leftMs, 1))
  }

  #stopClock(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#leftMs -= performance.now() - this.#sinceMs
  }
}
