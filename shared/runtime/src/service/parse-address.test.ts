import { expect, it } from 'vitest'
import { networkOf, parseAddress } from './parse-address.ts'

it.each([
  ['203.0.113.9', '203.0.113.9'],
  ['203.0.113.9:5000', '203.0.113.9'],
  ['2001:470::1', '2001:470::1'],
  ['2001:0470:0:0:0:0:0:0001', '2001:470::1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['[2001:470::1]', '2001:470::1'],
  ['[2001:470::1]:443', '2001:470::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%eth0]:443', 'fe80::1'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::FFFF:cb00:7109', '203.0.113.9'],
  ['[::ffff:203.0.113.9]:80', '203.0.113.9'],
  ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
])('%s is the address %s', (text, expected) => {
  expect(parseAddress(text)).toBe(expected)
})

it.each([
  '',
  'unknown',
  '_hidden',
  'proxy.example.com',
  '203.0.113',
  '203.0.113.256:80',
  '203.0.113.9:',
  '203.0.113.9:123456',
  '[203.0.113.9]',
  '[2001:470::1',
  '2001:470::1]:443',
  '[2001:470::1]443',
  `fe80::1%${'x'.repeat(10_000)}`,
])('%s is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined()
})

it('limits count a whole /64 of IPv6 as one, and each IPv4 address by itself', () => {
  expect(networkOf('2001:db8:1:2::1')).toBe(networkOf('2001:db8:1:2:ffff::9'))
  expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'))
  expect(networkOf('203.0.113.9')).toBe('203.0.113.9')
})
