import { generateKeyPairSync, sign } from 'node:crypto'
import { readVectorJson, vectorsOr } from '@bgs/testkit/vectors.ts'
import { p256 as nobleP256 } from '@noble/curves/nist.js'
import { secp256k1 as nobleK256 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { documents } from '../testing/documents.ts'
import { madeKeyPairs, madeSignatures, type SignatureFixture } from '../testing/made-signatures.ts'
import { decodeBase58 } from './base58.ts'
import { k256, loadJs, loadWasm } from './k256.ts'
import { isLowSignature, K256_ORDER, P256_ORDER } from './low-s.ts'
import { type PublicKey, parseDidKey, parsePublicKey } from './public-key.ts'
import { curveBackends, verifySignature } from './verify.ts'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function encodeBase58(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
  let text = ''
  for (; value > 0n; value /= 58n) text = ALPHABET[Number(value % 58n)] + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text
}

const CURVES = [
  {
    name: 'k256',
    curve: nobleK256,
    codec: [0xe7, 0x01],
    order: K256_ORDER,
    type: 'EcdsaSecp256k1VerificationKey2019',
  },
  {
    name: 'p256',
    curve: nobleP256,
    codec: [0x80, 0x24],
    order: P256_ORDER,
    type: 'EcdsaSecp256r1VerificationKey2019',
  },
] as const

type CurveCase = (typeof CURVES)[number]

function multikey({ codec }: CurveCase, point: Uint8Array): PublicKey | null {
  return parsePublicKey('Multikey', `z${encodeBase58(Uint8Array.of(...codec, ...point))}`)
}

/** The other valid s of a signature, n - s. */
function otherS(signature: Uint8Array, order: Uint8Array): Uint8Array {
  const big = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  const s = big(order) - big(signature.subarray(32))
  return Uint8Array.of(...signature.subarray(0, 32), ...Buffer.from(s.toString(16).padStart(64, '0'), 'hex'))
}

describe.each(CURVES)('$name', (one) => {
  const { curve, order, type } = one

  test('agrees with @noble/curves: right, changed, high s', () => {
    const message = fc.uint8Array({ minLength: 1, maxLength: 200 })
    const place = fc.tuple(fc.nat(63), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(message, place, (bytes, [at, change]) => {
        const { secretKey, publicKey } = curve.keygen()
        const key = multikey(one, publicKey)
        if (key === null) return expect.fail('the key was not taken')
        const signature = curve.sign(bytes, secretKey, { lowS: true })
        expect(verifySignature(key, bytes, signature)).toBe(true)
        expect(verifySignature(key, bytes, otherS(signature, order.order))).toBe(false)
        expect(verifySignature(key, Uint8Array.of(...bytes, 0), signature)).toBe(false)
        const changed = Uint8Array.from(signature)
        changed[at] = changed[at]! ^ change
        expect(verifySignature(key, bytes, changed)).toBe(false)
      }),
      { numRuns: 12 },
    )
  })

  test('any signature gives an answer', () => {
    const key = multikey(one, curve.keygen().publicKey)!
    const special = [
      new Uint8Array(64),
      new Uint8Array(64).fill(255),
      Uint8Array.of(...order.order, ...order.order),
    ]
    for (const signature of special) expect(verifySignature(key, Uint8Array.of(1), signature)).toBe(false)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (signature) => {
        expect(verifySignature(key, Uint8Array.of(1), signature)).toBe(false)
      }),
      { numRuns: 50 },
    )
  })

  test('keys of 2019 hold the bare point, compressed or not', () => {
    const { secretKey, publicKey } = curve.keygen()
    const message = Uint8Array.of(1, 2, 3)
    const signature = curve.sign(message, secretKey, { lowS: true })
    for (const point of [publicKey, curve.Point.fromBytes(publicKey).toBytes(false)]) {
      const key = parsePublicKey(type, `z${encodeBase58(point)}`)
      expect(key !== null && verifySignature(key, message, signature)).toBe(true)
    }
  })

  test('what is no point of the curve is no key', () => {
    const { publicKey } = curve.keygen()
    const text = (bytes: Uint8Array) => `z${encodeBase58(bytes)}`
    const uncompressed = Uint8Array.from(curve.Point.fromBytes(publicKey).toBytes(false))
    uncompressed[64] = uncompressed[64]! ^ 1
    for (const point of [
      uncompressed,
      new Uint8Array(33),
      new Uint8Array(33).fill(2).fill(255, 1),
      new Uint8Array(0),
    ]) {
      expect(parsePublicKey(type, text(point))).toBeNull()
    }
    expect(parsePublicKey('Multikey', text(publicKey))).toBeNull()
    expect(parsePublicKey('JsonWebKey2020', text(publicKey))).toBeNull()
    expect(parsePublicKey(type, encodeBase58(publicKey))).toBeNull()
    expect(parsePublicKey(type, 'z0OIl')).toBeNull()
    expect(parsePublicKey(type, `z${'2'.repeat(300)}`)).toBeNull()
  })

  test('the least s that is too high', () => {
    const signature = new Uint8Array(64)
    signature[31] = 1
    signature.set(order.half, 32)
    expect(isLowSignature(signature, order)).toBe(true)
    signature[63] = signature[63]! + 1
    expect(isLowSignature(signature, order)).toBe(false)
  })
})

test('p256: r and s of any length as integers', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65)
  const key = parsePublicKey('EcdsaSecp256r1VerificationKey2019', `z${encodeBase58(point)}`)!
  const short = { r: 0, s: 0 }
  for (let i = 0; i < 20_000 && (short.r < 2 || short.s < 2); i++) {
    const message = Buffer.from(String(i))
    const made = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const signature = isLowSignature(made, P256_ORDER) ? made : otherS(made, P256_ORDER.order)
    if (signature[0] === 0) short.r++
    if (signature[32] === 0) short.s++
    expect(verifySignature(key, message, signature)).toBe(true)
  }
  expect(short.r >= 2 && short.s >= 2, JSON.stringify(short)).toBe(true)
})

test('every backend for k256 gives the same answers', async () => {
  const { secretKey, publicKey } = nobleK256.keygen()
  const digest = crypto.getRandomValues(new Uint8Array(32))
  const signature = nobleK256.sign(digest, secretKey, { prehash: false, lowS: true })
  for (const backend of [k256, await loadWasm(), await loadJs()]) {
    const point = backend?.parse(publicKey)
    expect(point).toEqual(nobleK256.Point.fromBytes(publicKey).toBytes(false))
    expect(backend?.verify(signature, digest, point!)).toBe(true)
    expect(backend?.verify(signature, digest.toReversed(), point!)).toBe(false)
    expect(backend?.parse(new Uint8Array(33).fill(255, 1).fill(2, 0, 1))).toBeNull()
  }
  expect(['native', 'wasm', 'js']).toContain(curveBackends().k256)
})

test('base58 is undone', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(decodeBase58(encodeBase58(bytes))).toEqual(bytes)
    }),
  )
})

const SIGNATURES = 'interop/crypto/signature-fixtures.json'
const signatures = await vectorsOr(
  [SIGNATURES],
  () => readVectorJson<SignatureFixture[]>(SIGNATURES),
  madeSignatures,
)

test(`signature-fixtures (${signatures.origin})`, { meta: signatures.meta }, () => {
  const isValid = signatures.cases.map(({ validSignature }) => validSignature)
  expect(isValid).toContain(true)
  expect(isValid).toContain(false)
  for (const fixture of signatures.cases) {
    const message = Buffer.from(fixture.messageBase64, 'base64')
    const signature = Buffer.from(fixture.signatureBase64, 'base64')
    const keys = [
      parseDidKey(fixture.publicKeyDid),
      parsePublicKey(fixture.didDocSuite, fixture.publicKeyMultibase),
    ]
    for (const key of keys) {
      expect(key !== null && verifySignature(key, message, signature), fixture.comment).toBe(
        fixture.validSignature,
      )
    }
  }
})

type Pair = { privateKeyBytesHex?: string; privateKeyBytesBase58?: string; publicDidKey: string }

const DID_KEYS = { k256: 'interop/crypto/w3c_didkey_K256.json', p256: 'interop/crypto/w3c_didkey_P256.json' }
const didKeys = await vectorsOr<Record<'k256' | 'p256', Pair[]>>(
  Object.values(DID_KEYS),
  () => ({ k256: readVectorJson(DID_KEYS.k256), p256: readVectorJson(DID_KEYS.p256) }),
  madeKeyPairs,
)

test(`w3c did:keys (${didKeys.origin})`, { meta: didKeys.meta }, () => {
  for (const { name, curve } of CURVES) {
    expect(didKeys.cases[name].length).toBeGreaterThan(0)
    for (const pair of didKeys.cases[name]) {
      const secret =
        pair.privateKeyBytesHex === undefined
          ? decodeBase58(pair.privateKeyBytesBase58!)!
          : Uint8Array.from(Buffer.from(pair.privateKeyBytesHex, 'hex'))
      const key = parseDidKey(pair.publicDidKey)
      const message = Uint8Array.of(1, 2, 3)
      const signature = curve.sign(message, secret, { lowS: true })
      expect(key !== null && verifySignature(key, message, signature)).toBe(true)
    }
  }
})

test(`keys of DID documents (${documents.origin})`, { meta: documents.meta }, () => {
  type Document = { verificationMethod: { type: string; publicKeyMultibase: string }[] }
  const keys = [documents.cases.plc, documents.cases.legacy].map((text) => {
    const { type, publicKeyMultibase } = (JSON.parse(text) as Document).verificationMethod[0]!
    return parsePublicKey(type, publicKeyMultibase)
  })
  expect(keys[0]).toEqual(keys[1])
  expect(keys[0]?.curve).toBe('k256')
})
