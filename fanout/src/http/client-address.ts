import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/**
 * Finds a client's address: that of the socket, or what a trusted proxy says in X-Forwarded-For. Returns the
 * function that does so. Throws RangeError on a setting that is neither an address nor a network.
 */
export function clientAddressReader(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const trusted = new BlockList()
  for (const item of trustedProxies) {
    const [address = '', prefix] = item.split('/')
    const family = isIP(address)
    if (family === 0) throw new RangeError(`${item} is neither an address nor a network`)
    trusted.addSubnet(address, Number(prefix ?? (family === 4 ? 32 : 128)), family === 4 ? 'ipv4' : 'ipv6')
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return (request) => {
    let address = bare(request.socket.remoteAddress ?? '')
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((part) => part.trim())
      .reverse()
    // From the nearest hop outward, as long as each hop is one of ours.
    for (const hop of forwarded) {
      if (!isTrusted(address) || isIP(hop) === 0) break
      address = bare(hop)
    }
    return address
  }
}

function bare(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}
