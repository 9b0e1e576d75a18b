import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket } from 'node:net'
import { parseAddress } from './parse-address.ts'

/** Whose requests those are that come in: the socket's, or who a trusted proxy says in X-Forwarded-For. */
export class ClientAddresses {
  readonly #trusted = new BlockList()

  /** Throws RangeError on a setting that is neither an address nor a network. */
  constructor(trustedProxies: readonly string[]) {
    for (const item of trustedProxies) {
      const [address = '', prefix] = item.split('/')
      const family = isIP(address)
      if (family === 0) throw new RangeError(`${item} is neither an address nor a network`)
      const bits = Number(prefix ?? (family === 4 ? 32 : 128))
      this.#trusted.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
    }
  }

  /** The client at a socket; undefined where it is a trusted proxy's: many clients may be behind that. */
  ofSocket({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
    const address = parseAddress(remoteAddress ?? '') ?? ''
    return this.#isTrusted(address) ? undefined : address
  }

  /**
   * The client that asks, in the form of parseAddress. Where a proxy of ours names nobody (`unknown`, or what is no
   * address) it is the proxy itself: those clients share what one may have.
   */
  of(request: IncomingMessage): string {
    let address = parseAddress(request.socket.remoteAddress ?? '') ?? ''
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .reverse()
    // From the nearest hop outward, as long as each hop is one of ours.
    for (const hop of forwarded) {
      if (!this.#isTrusted(address)) break
      const named = parseAddress(hop)
      if (named === undefined) break
      address = named
    }
    return address
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}
