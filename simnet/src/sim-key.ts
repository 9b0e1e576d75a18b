import { createECDH } from 'node:crypto'
import { formatMultikey, type Keypair, P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { base58btc } from 'multiformats/bases/base58'
import { k256Signer } from './k256-signer.ts'
import type { Random } from './random.ts'

export type Curve = 'k256' | 'p256'

/**
 * A signing key as a DID document shows it. Signatures are those of the reference package (RFC 6979, low S); over k256
 * libsecp256k1 makes the same ones in a fraction of the time.
 */
export interface SimKey {
  curve: Curve
  keypair: Keypair
  privateKey: Uint8Array
  /** `publicKeyMultibase` of a Multikey (protocol.md D4) */
  multikey: string
  /** `publicKeyMultibase` of the 2019 types: the 65-byte uncompressed point without a codec (D4) */
  legacyMultibase: string
}

export async function createKey(random: Random, curve: Curve): Promise<SimKey> {
  const privateKey = random.bytes(32)
  // Both group orders begin with 32 one bits: clearing the top bit keeps the scalar below either of them.
  privateKey[0] = (privateKey[0] ?? 0) & 0x7f
  privateKey[31] = (privateKey[31] ?? 0) | 1
  const keypair = curve === 'k256' ? await fastK256(privateKey) : await P256Keypair.import(privateKey)
  const compressed = keypair.publicKeyBytes()
  return {
    curve,
    keypair,
    privateKey,
    multikey: formatMultikey(keypair.jwtAlg, compressed),
    legacyMultibase: base58btc.encode(uncompressedPoint(curve, privateKey)),
  }
}

async function fastK256(privateKey: Uint8Array): Promise<Secp256k1Keypair> {
  const keypair = await Secp256k1Keypair.import(privateKey)
  const sign = k256Signer(privateKey)
  keypair.sign = async (message) => sign(message) as Uint8Array<ArrayBuffer>
  return keypair
}

/** 0x04, x, y: what the 2019 key types carry. */
function uncompressedPoint(curve: Curve, privateKey: Uint8Array): Buffer {
  const ecdh = createECDH(curve === 'k256' ? 'secp256k1' : 'prime256v1')
  ecdh.setPrivateKey(privateKey)
  return ecdh.getPublicKey()
}
