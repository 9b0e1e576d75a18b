import { createECDH, createPrivateKey, sign } from 'node:crypto'
import { formatMultikey } from '@atproto/crypto'
import { base58btc } from 'multiformats/bases/base58'
import { k256Signer } from './k256-signer.ts'
import type { Random } from './random.ts'
import type { Curve, SimKey } from './sim-key.ts'

/** Signs commits by the thousand: libsecp256k1 and OpenSSL where the reference signer takes about a millisecond. */
export interface FastKey extends Pick<SimKey, 'curve' | 'multikey' | 'legacyMultibase'> {
  didKey: string
  /** 64 bytes, low S, over the sha256 of the message (protocol.md C8). OpenSSL's P-256 nonces are random. */
  sign(message: Uint8Array): Uint8Array
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

export function createFastKey(random: Random, curve: Curve): FastKey {
  const privateKey = random.bytes(32)
  // See createKey: any value below both group orders will do.
  privateKey[0] = (privateKey[0] ?? 0) & 0x7f
  privateKey[31] = (privateKey[31] ?? 0) | 1
  const ecdh = createECDH(curve === 'k256' ? 'secp256k1' : 'prime256v1')
  ecdh.setPrivateKey(privateKey)
  const point = ecdh.getPublicKey()
  const multikey = formatMultikey(
    curve === 'k256' ? 'ES256K' : 'ES256',
    ecdh.getPublicKey(null, 'compressed') as unknown as Uint8Array,
  )
  return {
    curve,
    multikey,
    legacyMultibase: base58btc.encode(point),
    didKey: `did:key:${multikey}`,
    sign: curve === 'k256' ? k256Signer(privateKey) : p256Signer(privateKey, point),
  }
}

function p256Signer(privateKey: Uint8Array, point: Buffer): FastKey['sign'] {
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: Buffer.from(privateKey).toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  return (message) => lowS(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
}

/** OpenSSL leaves S as it falls; the protocol wants the lower of S and n - S. */
function lowS(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.toString('hex', 32)}`)
  if (s > P256_ORDER / 2n) signature.write((P256_ORDER - s).toString(16).padStart(64, '0'), 32, 'hex')
  return signature
}
