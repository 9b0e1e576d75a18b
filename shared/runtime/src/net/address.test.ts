import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPublicAddress } from './address.ts'

/** Each range of H7 by its first and last address, and their neighbours where those are public. */
const RANGES: [string, string, string, string | null, string | null][] = [
  ['0/8', '0.0.0.0', '0.255.255.255', null, '1.0.0.0'],
  ['10/8', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64/10', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127/8', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['169.254/16', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16/12', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0/24', '192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2/24', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.88.99/24', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168/16', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['198.18/15', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100/24', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113/24', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['224/4', '224.0.0.0', '239.255.255.255', '223.255.255.255', null],
  ['240/4', '240.0.0.0', '255.255.255.255', null, null],
]

/** Forms of IPv6 that carry an IPv4 address and reach it. */
function embedded(v4: string): string[] {
  const [a, b, c, d] = v4.split('.').map(Number) as [number, number, number, number]
  const words = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  return [`64:ff9b::${v4}`, `64:ff9b::${words}`, `64:FF9B:0:0:0:0:${words}`, `2002:${words}::1`]
}

describe('H7: IPv4', () => {
  it.each(RANGES)('%s is closed to its edges', (_name, first, last, before, after) => {
    expect([isPublicAddress(first), isPublicAddress(last)]).toEqual([false, false])
    for (const next of [before, after]) if (next !== null) expect(isPublicAddress(next)).toBe(true)
  })

  it.each(RANGES)(
    '%s inside an IPv6 address is closed, its public neighbours are not',
    (_name, first, last, before, after) => {
      for (const v4 of [first, last])
        for (const address of embedded(v4))
          expect([address, isPublicAddress(address)]).toEqual([address, false])
      for (const v4 of [before, after])
        if (v4 !== null)
          for (const address of embedded(v4))
            expect([address, isPublicAddress(address)]).toEqual([address, true])
    },
  )
})

describe('H7: IPv6', () => {
  it.each([
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:808:808',
    '0:0:0:0:0:ffff:7f00:1',
    '::8.8.8.8',
    '::127.0.0.1',
    '64:ff9a:ffff::1',
    '64:ff9b:1::8.8.8.8',
    '100::1',
    '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '4000::',
    'fc00::1',
    'fdff:ffff::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:1ff:ffff::1',
    '2001:db8::1',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff::1',
    '3fff:fff:ffff::1',
    '[::1]',
    '[2001:db8::1]',
  ])('%s is closed', (address) => expect(isPublicAddress(address)).toBe(false))

  it.each([
    '2001:4860:4860::8888',
    '2000::',
    '2606:4700:4700::1111',
    '[2606:4700::1]',
    '2001:200::',
    '3ffe:ffff::1',
  ])('%s is open', (address) => expect(isPublicAddress(address)).toBe(true))

  it('nothing outside 2000::/3 is open, however it is written, but a public IPv4 address in NAT64', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = Number.parseInt(address.split(':')[0] || '0', 16)
        const isNat64 = /^0{0,2}64:ff9b:/i.test(address)
        if (!isNat64 && (first < 0x2000 || first > 0x3fff)) expect(isPublicAddress(address)).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })
})

it('H7: what is not an address is not public', () => {
  for (const text of [
    '',
    'localhost',
    'example.com',
    '1.2.3',
    '1.2.3.4.5',
    '08.8.8.8',
    '0x8.8.8.8',
    '134744072',
    '8.8.8.8:80',
    '::g',
  ])
    expect(isPublicAddress(text)).toBe(false)
})
