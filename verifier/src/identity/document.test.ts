import { DOCUMENT_DID as DID, documents, DOCUMENT_KEY as KEY } from '@bgs/protocol/testing/documents.ts'
import { describe, expect, it } from 'vitest'
import { readDocument } from './document.ts'

const OTHER_KEY = 'zDnaepsL7AXMjFJHTiP2xEeLwYFDgWcJNvpSzbMZSdaJsaUeh'
const method = {
  id: `${DID}#atproto`,
  type: 'Multikey',
  controller: DID,
  publicKeyMultibase: KEY,
}
const service = {
  id: '#atproto_pds',
  type: 'AtprotoPersonalDataServer',
  serviceEndpoint: 'https://pds.example.com',
}
const whole = {
  id: DID,
  alsoKnownAs: ['at://a.example.com'],
  verificationMethod: [method],
  service: [service],
}

function read(change: object, allowPrivate = false) {
  const result = readDocument(JSON.stringify({ ...whole, ...change }), DID, allowPrivate)
  return 'reason' in result ? result.reason : result.identity
}

describe(`whole documents (${documents.origin})`, { meta: documents.meta }, () => {
  const { plc, legacy, web } = documents.cases

  it('D4: a PLC document with a Multikey', () => {
    expect(readDocument(plc, DID, false)).toMatchObject({
      identity: {
        did: DID,
        keyType: 'Multikey',
        keyMultibase: KEY,
        pdsHost: 'bsky.social',
        handle: 'atproto.com',
      },
    })
  })

  it('D4: one with a key of 2019', () => {
    expect(readDocument(legacy, DID, false)).toMatchObject({
      identity: { keyType: 'EcdsaSecp256k1VerificationKey2019', pdsHost: 'bsky.social' },
    })
  })

  it('D4: a did:web without a key', () => {
    expect(readDocument(web, 'did:web:discover.bsky.social', false)).toEqual({
      reason: 'identity-no-key',
    })
  })

  it('D3: a document of another DID', () => {
    expect(readDocument(plc, 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', false)).toEqual({
      reason: 'identity-malformed',
    })
  })
})

it('D3: anything that is not the document asked for is malformed', () => {
  for (const text of ['', '<html>', 'null', '[]', '1', '"x"', '{}', '{"id":7}'])
    expect(readDocument(text, DID, false)).toEqual({ reason: 'identity-malformed' })
  expect(read({ id: DID.toUpperCase() })).toBe('identity-malformed')
})

describe('D4: the signing key', () => {
  it.each([
    ['full id', method, KEY],
    ['fragment id', { ...method, id: '#atproto' }, KEY],
    ['P-256', { ...method, publicKeyMultibase: OTHER_KEY }, OTHER_KEY],
  ])('%s', (_name, one, key) =>
    expect(read({ verificationMethod: [one] })).toMatchObject({ keyMultibase: key }),
  )

  it.each([
    ['of another controller', { ...method, controller: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }],
    ['without a controller', { ...method, controller: undefined }],
    ['of an unknown type', { ...method, type: 'JsonWebKey2020' }],
    ['without a key', { ...method, publicKeyMultibase: undefined }],
    ['with a key that is none', { ...method, publicKeyMultibase: 'zabc' }],
    ['with a key of another length', { ...method, publicKeyMultibase: `${KEY}1` }],
    ['with a key in another base', { ...method, publicKeyMultibase: KEY.replace('z', 'u') }],
  ])('one %s is none, and a good one behind it is no second chance', (_name, one) => {
    expect(read({ verificationMethod: [one, method] })).toBe('identity-no-key')
  })

  it('other fragments are passed over', () => {
    const others = [
      { ...method, id: `${DID}#other` },
      { ...method, id: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#atproto' },
      { ...method, id: '#atproto_label' },
      'x',
      null,
    ]
    expect(read({ verificationMethod: [...others, method] })).toMatchObject({ keyMultibase: KEY })
    expect(read({ verificationMethod: others })).toBe('identity-no-key')
  })

  it.each([[undefined], [null], [{}], ['x'], [[]]])('methods that are %j', (verificationMethod) => {
    expect(read({ verificationMethod })).toBe('identity-no-key')
  })
})

describe('D5: the PDS', () => {
  it.each([
    ['https://pds.example.com', 'pds.example.com'],
    ['https://pds.example.com/', 'pds.example.com'],
    ['https://PDS.Example.COM', 'pds.example.com'],
    ['http://pds.example.com', 'pds.example.com'],
  ])('%s', (serviceEndpoint, pdsHost) => {
    expect(read({ service: [{ ...service, serviceEndpoint }] })).toMatchObject({ pdsHost })
  })

  it.each([
    'https://user@pds.example.com',
    'https://user:pass@pds.example.com',
    'https://pds.example.com/path',
    'https://pds.example.com?q=1',
    'https://pds.example.com#x',
    'https://pds.example.com:8443',
    'https://192.0.2.1',
    'https://8.8.8.8',
    'https://0x08080808',
    'https://134744072',
    'https://[2001:db8::1]',
    'https://localhost',
    'https://pds.local',
    'ftp://pds.example.com',
    'wss://pds.example.com',
    'pds.example.com',
    'https://',
    'HTTPS//pds.example.com',
    '',
  ])('%s is not usable, and a good one behind it is no second chance', (serviceEndpoint) => {
    expect(read({ service: [{ ...service, serviceEndpoint }, service] })).toBe('identity-no-pds')
  })

  it.each([
    ['another type', { ...service, type: 'BskyFeedGenerator' }],
    ['no endpoint', { ...service, serviceEndpoint: undefined }],
    ['an endpoint that is no text', { ...service, serviceEndpoint: { uri: 'https://pds.example.com' } }],
  ])('the first entry with %s decides', (_name, one) => {
    expect(read({ service: [one, service] })).toBe('identity-no-pds')
  })

  it('full id, and other services before it', () => {
    const one = { ...service, id: `${DID}#atproto_pds` }
    expect(read({ service: [{ ...service, id: '#other' }, null, one] })).toMatchObject({
      pdsHost: 'pds.example.com',
    })
  })

  it('private mode takes an address with a port', () => {
    const local = { ...service, serviceEndpoint: 'http://localhost:2583' }
    expect(read({ service: [local] }, true)).toMatchObject({ pdsHost: 'localhost:2583' })
    expect(read({ service: [local] }, false)).toBe('identity-no-pds')
  })
})

describe('D6, I2: handle and digest', () => {
  it.each([
    [['at://A.Example.com'], 'a.example.com'],
    [['https://x.example', 'at://not a name', 'at://b.example.com', 'at://c.example.com'], 'b.example.com'],
    [['at://did:plc:x', 7, null], ''],
    [undefined, ''],
  ])('%j', (alsoKnownAs, handle) => expect(read({ alsoKnownAs })).toMatchObject({ handle }))

  it('I2: the digest differs when key, PDS or handle do, and only then', () => {
    const digest = (change: object) => {
      const result = read(change)
      return typeof result === 'string' ? result : result.digest
    }
    const same = digest({})
    expect(
      digest({ service: [service, { id: '#new' }], extra: 1, alsoKnownAs: ['at://A.EXAMPLE.com'] }),
    ).toBe(same)
    const others = [
      digest({ verificationMethod: [{ ...method, publicKeyMultibase: OTHER_KEY }] }),
      digest({ service: [{ ...service, serviceEndpoint: 'https://other.example.com' }] }),
      digest({ alsoKnownAs: ['at://b.example.com'] }),
    ]
    expect(new Set([same, ...others]).size).toBe(4)
  })
})
