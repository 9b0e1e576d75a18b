import { describe, expect, it } from 'vitest'
import { endpointHost, HostnameError, parseDomain, parseHost } from './hostname.ts'

describe('H6: a host, as operators and callers name it', () => {
  it.each([
    ['pds.example.com', 'pds.example.com'],
    ['  PDS.Example.COM ', 'pds.example.com'],
    ['https://pds.example.com', 'pds.example.com'],
    ['https://pds.example.com/', 'pds.example.com'],
    ['wss://pds.example.com', 'pds.example.com'],
    ['HTTPS://PDS.EXAMPLE.COM', 'pds.example.com'],
    ['xn--bcher-kva.example.com', 'xn--bcher-kva.example.com'],
    ['a-b.c1.example.com', 'a-b.c1.example.com'],
    ['1.example.com', '1.example.com'],
    ['pds.example.com.', 'pds.example.com'],
    ['pds.example.com:443', 'pds.example.com'],
    ['https://pds.example.com:443', 'pds.example.com'],
    ['HTTPS://PDS.example.com.:443/', 'pds.example.com'],
    ['wss://pds.example.com:443', 'pds.example.com'],
    ['b\u00fccher.example.com', 'xn--bcher-kva.example.com'],
    ['https://B\u00dcCHER.example.com./', 'xn--bcher-kva.example.com'],
    ['bu\u0308cher.example.com', 'xn--bcher-kva.example.com'],
    ['pds\u3002example\uff0ecom', 'pds.example.com'],
  ])('%j', (text, hostname) => {
    for (const allowPrivate of [false, true])
      expect(parseHost(text, allowPrivate)).toEqual({
        hostname,
        http: `https://${hostname}`,
        ws: `wss://${hostname}`,
      })
  })

  it.each([
    '',
    '   ',
    'https://',
    'com',
    'pds_1.example.com',
    '-a.example.com',
    'a-.example.com',
    'a..example.com',
    '.example.com',
    'example.com..',
    'com.',
    'https://pds.example.com//',
    'https://localhost.',
    '\uff11\uff12\uff17.0.0.1',
    'https://user@b\u00fccher.example.com',
    '\u202e.example.com',
    `${'\u00fc'.repeat(100)}.example.com`,
    'x'.repeat(5_000),
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(130)}example.com`,
    'pds.example.com/path',
    'https://pds.example.com/xrpc',
    'pds.example.com?q',
    'pds.example.com#f',
    'user@pds.example.com',
    'https://user:pass@pds.example.com',
    'ftp://pds.example.com',
    'https://https://pds.example.com',
    'http://pds.example.com',
    'ws://pds.example.com',
    'pds.example.com\\x',
    'pds example.com',
    'pds.example.com\u0000',
    'localhost',
    '127.0.0.1',
    '8.8.8.8',
    '8.8',
    '0x8.0x8',
    'a.0x7f',
    'a.123',
    '::1',
    '[::1]',
    '[2606:4700::1]',
    'host.alt',
    'host.arpa',
    'host.example',
    'host.internal',
    'host.invalid',
    'host.local',
    'host.localhost',
    'host.onion',
    'host.test',
  ])('%j is refused, in both modes', (text) => {
    expect(() => parseHost(text, false)).toThrow(HostnameError)
    expect(() => parseHost(text, true)).toThrow(HostnameError)
  })

  it.each([
    ['localhost:2583', 'localhost:2583', 'http', 'ws'],
    ['http://localhost:2583', 'localhost:2583', 'http', 'ws'],
    ['http://localhost:2583/', 'localhost:2583', 'http', 'ws'],
    ['https://localhost:2583', 'localhost:2583', 'https', 'wss'],
    ['ws://LOCALHOST:2583', 'localhost:2583', 'http', 'ws'],
    ['127.0.0.1:80', '127.0.0.1:80', 'http', 'ws'],
    ['[::1]:2583', '[::1]:2583', 'http', 'ws'],
    ['pds.test:1', 'pds.test:1', 'http', 'ws'],
    ['pds.test.:1', 'pds.test:1', 'http', 'ws'],
    ['B\u00dccher.test:1', 'xn--bcher-kva.test:1', 'http', 'ws'],
    ['http://pds.example.com:443', 'pds.example.com:443', 'http', 'ws'],
  ])('%j is a host in private mode only', (text, hostname, http, ws) => {
    expect(parseHost(text, true)).toEqual({
      hostname,
      http: `${http}://${hostname}`,
      ws: `${ws}://${hostname}`,
    })
    expect(() => parseHost(text, false)).toThrow(HostnameError)
  })

  it.each([
    'localhost:0',
    'localhost:65536',
    'localhost:99999',
    'localhost:',
    'localhost:2583/x',
    'a@localhost:1',
    'localhost:02583',
  ])('%j is refused in private mode', (text) => expect(() => parseHost(text, true)).toThrow(HostnameError))

  it('a name that was taken is taken again as it was given back', () => {
    for (const [text, isPrivate] of [
      ['https://PDS.example.com/', false],
      ['http://localhost:1/', true],
    ] as const) {
      const once = parseHost(text, isPrivate)
      expect(parseHost(once.hostname, isPrivate)).toEqual(once)
    }
  })
})

it('D5: a PDS endpoint is a URL; one that is not usable is undefined, never an exception', () => {
  expect(endpointHost('https://pds.example.com', false)).toBe('pds.example.com')
  expect(endpointHost('http://localhost:1', true)).toBe('localhost:1')
  for (const text of [
    'pds.example.com',
    'https://a@b.example.com',
    'https://x.test',
    'https://',
    'javascript:1',
  ])
    expect(endpointHost(text, false)).toBeUndefined()
})

it.each([
  'https://pds.example.com',
  'HTTPS://PDS.example.com:443/',
  'http://pds.example.com:80',
  'https://pds.example.com.',
])('D5: %j in a document is the host that is crawled under its name', (text) =>
  expect(endpointHost(text, false)).toBe('pds.example.com'),
)

it('H9: a domain has one spelling, too', () => {
  for (const text of ['B\u00fccher.Example.', ' xn--bcher-kva.example'])
    expect(parseDomain(text)).toBe('xn--bcher-kva.example')
  expect(parseDomain('*.EXAMPLE.com.')).toBe('*.example.com')
  expect(parseDomain('com')).toBe('com')
  for (const text of ['', '*', '*.', 'a..b', '*.*.a', 'a/b', 'a b', 'https://a.b', '.a'])
    expect(() => parseDomain(text)).toThrow(HostnameError)
})
