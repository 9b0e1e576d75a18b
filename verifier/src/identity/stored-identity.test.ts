import { expect, it } from 'vitest'
import { decodeIdentity, encodeIdentity } from './stored-identity.ts'

const TEXT =
  '{"did":"did:plc:a","keyType":"Multikey","keyMultibase":"zQ3","pds":"pds.example.com","handle":"a.example.com","digest":"d"}'

it('an identity is stored under the names that other versions read and write', () => {
  const identity = decodeIdentity(TEXT)
  expect(identity).toEqual({
    did: 'did:plc:a',
    keyType: 'Multikey',
    keyMultibase: 'zQ3',
    pdsHost: 'pds.example.com',
    handle: 'a.example.com',
    digest: 'd',
  })
  expect(encodeIdentity(identity)).toBe(TEXT)
})
