import {
  bytesToMultibase,
  P256Keypair,
  parseDidKey,
  Secp256k1Keypair,
  verifySignature,
} from '@atproto/crypto'
import { encode } from '@ipld/dag-cbor'
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'

/** A signature as the fixtures describe it. */
export interface SignatureFixture {
  readonly comment: string
  readonly messageBase64: string
  readonly publicKeyDid: string
  readonly publicKeyMultibase: string
  readonly didDocSuite: string
  readonly signatureBase64: string
  readonly validSignature: boolean
}

/** A private key and its did:key. */
export interface KeyPair {
  readonly privateKeyBytesHex: string
  readonly publicDidKey: string
}

const CURVES = [
  { curve: p256, keypair: P256Keypair, suite: 'EcdsaSecp256r1VerificationKey2019' },
  { curve: secp256k1, keypair: Secp256k1Keypair, suite: 'EcdsaSecp256k1VerificationKey2019' },
] as const

/** Signatures of the reference and what must not be taken for one; it says which are valid. */
export async function madeSignatures(): Promise<SignatureFixture[]> {
  const message = Uint8Array.from(encode({ hello: 'world' }))
  const fixtures: SignatureFixture[] = []
  for (const { curve, keypair, suite } of CURVES) {
    const pair = await keypair.create()
    const made = await pair.sign(message)
    const { r, s } = curve.Signature.fromBytes(made)
    const variants = {
      'low s': made,
      'high s': new curve.Signature(r, curve.Point.Fn.ORDER - s).toBytes(),
      DER: curve.Signature.fromBytes(made).toBytes('der'),
      'of another message': await pair.sign(Uint8Array.of(...message, 0)),
    }
    for (const [comment, signature] of Object.entries(variants))
      fixtures.push({
        comment: `${suite}, ${comment}`,
        messageBase64: Buffer.from(message).toString('base64'),
        publicKeyDid: pair.did(),
        publicKeyMultibase: bytesToMultibase(pair.publicKeyBytes(), 'base58btc'),
        didDocSuite: suite,
        signatureBase64: Buffer.from(signature).toString('base64'),
        // It throws for DER.
        validSignature: await verifySignature(pair.did(), message, signature).catch(() => false),
      })
  }
  return fixtures
}

/** Key pairs of the reference, by the name of the curve. */
export async function madeKeyPairs(): Promise<Record<'k256' | 'p256', KeyPair[]>> {
  const pairOf = async (keypair: typeof P256Keypair | typeof Secp256k1Keypair): Promise<KeyPair> => {
    const pair = await keypair.create({ exportable: true })
    return { privateKeyBytesHex: Buffer.from(await pair.export()).toString('hex'), publicDidKey: pair.did() }
  }
  const pairs = (keypair: typeof P256Keypair | typeof Secp256k1Keypair) =>
    Promise.all(Array.from({ length: 4 }, () => pairOf(keypair)))
  return { k256: await pairs(Secp256k1Keypair), p256: await pairs(P256Keypair) }
}

/** The key of a Multikey in the form of 2019: the bare point, not compressed. */
export function legacyForm(multikey: string): string {
  return bytesToMultibase(parseDidKey(`did:key:${multikey}`).keyBytes, 'base58btc')
}
