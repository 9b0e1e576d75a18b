import { expect, it } from 'vitest'
import { registrableDomain } from './registrable-domain.ts'

it.each([
  ['pds.example.com', 'example.com'],
  ['a.b.c.example.co.uk', 'example.co.uk'],
  ['example.com', 'example.com'],
  ['morel.us-east.host.bsky.network', 'bsky.network'],
  // Whoever has a name here shares nothing but the suffix with the others.
  ['somebody.github.io', 'somebody.github.io'],
  ['localhost:2583', 'localhost:2583'],
  ['localhost', 'localhost'],
])('%s belongs to %s', (host, domain) => {
  expect(registrableDomain(host)).toBe(domain)
})
