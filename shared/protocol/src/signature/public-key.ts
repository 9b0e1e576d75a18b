import type { KeyObject } from 'node:crypto'
import { decodeBase58 } from './base58.ts'
import { k256 } from './k256.ts'
import { p256Key, parseP256 } from './p256.ts'

/** A signing key with its uncompressed point, parsed once and kept (key-cache.ts); opaque to all but verify.ts. */
export type PublicKey =
  | { readonly curve: 'k256'; readonly point: Uint8Array }
  | { readonly curve: 'p256'; readonly point: Uint8Array; readonly key: KeyObject }

const COMPRESSED_BYTES = 33
const UNCOMPRESSED_BYTES = 65
const CODEC_BYTES = 2
const DID_KEY = 'did:key:'

/**
 * The key of a verification method (protocol.md D4): `Multikey` names its curve in a prefix of two bytes before the
 * compressed point; the types of 2019 name it themselves and hold the bare point, uncompressed or compressed.
 * Null for any other type and for what is no point of the curve.
 */
export function parsePublicKey(type: string, multibase: string): PublicKey | null {
  if (!multibase.startsWith('z')) return null
  const bytes = decodeBase58(multibase.slice(1))
  if (bytes === null) return null
  switch (type) {
    case 'Multikey':
      return parseMultikey(bytes)
    case 'EcdsaSecp256k1VerificationKey2019':
      return parsePoint('k256', bytes)
    case 'EcdsaSecp256r1VerificationKey2019':
      return parsePoint('p256', bytes)
    default:
      return null
  }
}

/** The key of a `did:key:z…`, which has the form of a Multikey. */
export function parseDidKey(did: string): PublicKey | null {
  return did.startsWith(DID_KEY) ? parsePublicKey('Multikey', did.slice(DID_KEY.length)) : null
}

function parseMultikey(bytes: Uint8Array): PublicKey | null {
  if (bytes.length !== CODEC_BYTES + COMPRESSED_BYTES) return null
  const point = bytes.subarray(CODEC_BYTES)
  if (bytes[0] === 0xe7 && bytes[1] === 0x01) return parsePoint('k256', point)
  if (bytes[0] === 0x80 && bytes[1] === 0x24) return parsePoint('p256', point)
  return null
}

function parsePoint(curve: 'k256' | 'p256', point: Uint8Array): PublicKey | null {
  const isCompressed = point.length === COMPRESSED_BYTES && (point[0] === 2 || point[0] === 3)
  const isUncompressed = point.length === UNCOMPRESSED_BYTES && point[0] === 4
  if (!isCompressed && !isUncompressed) return null
  if (curve === 'k256') {
    const parsed = k256.parse(point)
    return parsed && { curve, point: parsed }
  }
  const uncompressed = parseP256(point)
  return uncompressed && { curve, point: uncompressed, key: p256Key(uncompressed) }
}
