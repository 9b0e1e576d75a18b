import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** No longer text is an address: eight groups, a zone, brackets and a port. */
const MAX_CHARS = 120
/** An IPv4 address as an IPv6 socket has it. */
const MAPPED = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/

/**
 * An address as sockets and proxies write it, in the one form that is counted by: `1.2.3.4`, `1.2.3.4:80`, `2001:DB8::1`,
 * `[2001:db8::1]`, `[2001:db8::1]:443`, with a zone, or IPv4 mapped into IPv6. Undefined where it is none.
 */
export function parseAddress(text: string): string | undefined {
  if (text.length > MAX_CHARS) return undefined
  if (isIPv4(text)) return text
  const v4 = /^([\d.]+):\d{1,5}$/.exec(text)?.[1]
  if (v4 !== undefined) return isIPv4(v4) ? v4 : undefined
  const bare = (/^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text).split('%')[0] as string
  if (!isIPv6(bare)) return undefined
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  const [, dotted, high, low] = MAPPED.exec(address) ?? []
  if (dotted !== undefined) return dotted
  if (high === undefined || low === undefined) return address
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return bits.flatMap((group) => [group >> 8, group & 255]).join('.')
}

/** What limits count by: an IPv4 address; of IPv6 a /64, which one client has to itself. `address` as parseAddress has it. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] as string).split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':')
    while (groups.length + behind.length < 8) groups.push('0')
    groups.push(...behind)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
