import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ClientAddresses } from './client-address.ts'

function address(proxies: string[], remoteAddress: string, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return new ClientAddresses(proxies).of({ socket: { remoteAddress }, headers } as unknown as IncomingMessage)
}

it('a socket of a proxy is told from one of a client, mapped into IPv6 too', () => {
  const clients = new ClientAddresses(['10.0.0.0/8', 'fd00::1'])
  const proxies = ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '11.1.2.3', '::ffff:11.1.2.3', 'fd00::2', '']
  expect(proxies.map((remoteAddress) => clients.ofSocket({ remoteAddress }))).toEqual([
    undefined,
    undefined,
    undefined,
    '11.1.2.3',
    '11.1.2.3',
    'fd00::2',
    '',
  ])
})

describe('whose address counts', () => {
  it.each([
    ['nobody is trusted', [], '198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['no header', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ['a trusted proxy', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['mapped into IPv6', ['10.0.0.0/8'], '::ffff:10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['two of ours', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['what the client made up', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['a header from one not trusted', ['10.0.0.0/8'], '11.1.2.3', '203.0.113.9', '11.1.2.3'],
    ['no address in the header', ['10.0.0.0/8'], '10.1.2.3', 'unknown', '10.1.2.3'],
    ['a single address', ['10.1.2.3'], '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['its neighbour', ['10.1.2.3'], '10.1.2.4', '203.0.113.9', '10.1.2.4'],
    ['its port', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9:5000', '203.0.113.9'],
    ['ports of ours, too', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9:5000, 10.9.9.9:80', '203.0.113.9'],
    ['IPv6 in brackets', ['10.0.0.0/8'], '10.1.2.3', '[2001:470::1]', '2001:470::1'],
    ['IPv6 with a port', ['10.0.0.0/8'], '10.1.2.3', '[2001:470:0::1]:443', '2001:470::1'],
    ['nobody, behind one of ours', ['10.0.0.0/8'], '10.1.2.3', 'unknown, 10.9.9.9:80', '10.9.9.9'],
    ['a made-up port', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 203.0.113.9:x', '10.1.2.3'],
    ['an empty part', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9, ,', '203.0.113.9'],
    ['IPv6', ['fd00::/8'], 'fd00::1', '2606:4700::1', '2606:4700::1'],
  ])('%s', (_name, proxies, remote, forwarded, expected) => {
    expect(address(proxies, remote, forwarded)).toBe(expected)
  })

  it.each(['proxy.example.com', '', '10.0.0.0/33', '10.0.0.0/x', '10/8'])('%j is no proxy', (item) => {
    expect(() => new ClientAddresses([item])).toThrow(RangeError)
  })
})
