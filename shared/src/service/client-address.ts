import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket } from 'node:net'

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
    const address = bare(remoteAddress ?? '')
    return this.#isTrusted(address) ? undefined : address
  }

  /** The client that asks. */
  of(request: IncomingMessage): string {
    let address = bare(request.socket.remoteAddress ?? '')
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((part) => part.trim())
      .reverse()
    // From the nearest hop outward, as long as each hop is one of ours.
    for (const hop of forwarded) {
      if (!this.#isTrusted(address) || isIP(hop) === 0) break
      address = bare(hop)
    }
    return address
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** Without what marks an IPv4 address that is mapped into IPv6. */
function bare(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}
