import { BlockList, isIP } from 'node:net'

/** Addresses that no request of a relay may reach, IPv4 (protocol.md H7). */
const BLOCKED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const blockedV4 = new BlockList()
for (const [network, prefix] of BLOCKED_V4) blockedV4.addSubnet(network, prefix, 'ipv4')

/** Of IPv6 only global unicast is open (H7), less what in it is reserved or carries an IPv4 address. */
const openV6 = new BlockList()
openV6.addSubnet('2000::', 3, 'ipv6')
const blockedV6 = new BlockList()
blockedV6.addSubnet('2001::', 23, 'ipv6')
blockedV6.addSubnet('2001:db8::', 32, 'ipv6')
blockedV6.addSubnet('3fff::', 20, 'ipv6')
const sixToFour = new BlockList()
sixToFour.addSubnet('2002::', 16, 'ipv6')
const nat64 = new BlockList()
nat64.addSubnet('64:ff9b::', 96, 'ipv6')

/** Whether a literal address lies on the public internet. Anything that is not an address does not. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 4) return !blockedV4.check(bare, 'ipv4')
  if (family !== 6) return false
  const words = expand(bare)
  if (nat64.check(bare, 'ipv6')) return isPublicAddress(dotted(words[6] as number, words[7] as number))
  if (sixToFour.check(bare, 'ipv6')) return isPublicAddress(dotted(words[1] as number, words[2] as number))
  return openV6.check(bare, 'ipv6') && !blockedV6.check(bare, 'ipv6')
}

/** The eight words of an IPv6 address that `isIP` has accepted. */
function expand(address: string): number[] {
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const hex =
    v4 === null
      ? address
      : `${v4[1]}${((Number(v4[2]) << 8) | Number(v4[3])).toString(16)}:${((Number(v4[4]) << 8) | Number(v4[5])).toString(16)}`
  const [left = '', right] = hex.split('::') as [string, string | undefined]
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16))
  const before = words(left)
  const after = right === undefined ? [] : words(right)
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function dotted(high: number, low: number): string {
  return `${high >>> 8}.${high & 255}.${low >>> 8}.${low & 255}`
}
