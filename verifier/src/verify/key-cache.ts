import type { KeyObject } from 'node:crypto'
import { p256Key } from '@bgs/protocol/signature/p256.ts'
import { type PublicKey, parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { DidCache } from '@bgs/runtime/packed/did-cache.ts'

/** Points in each judging thread, some 100,000: without its point a key costs 20 µs of K-256, 160 of P-256. */
const POINT_BYTES = 16 * 1024 * 1024
/** Keys of P-256 as OpenSSL has them, which take more than 2 KB each; from its point one is made in 60 µs. */
const MAX_OBJECTS = 2_000

const K256 = 1
const P256 = 2
const UNCOMPRESSED_BYTES = 65

/** Curve and point by `type multibase`, which stand here where a DID does elsewhere. */
const points = new DidCache(POINT_BYTES)
const scratch = new Uint8Array(1 + UNCOMPRESSED_BYTES)
/** Two generations stand in for least-recently-used. */
let young = new Map<string, KeyObject>()
let old = new Map<string, KeyObject>()

/** The parsed key for `type multibase`, which the DID document's reader has found to be valid. */
export function cachedPublicKey(text: string): PublicKey {
  const slot = points.get(text)
  if (slot === undefined) return parseAndKeep(text)
  const { bytes, at } = slot
  // A copy: the next record that is written may lie there.
  const point = Buffer.from(bytes.subarray(at + 1, at + 1 + UNCOMPRESSED_BYTES))
  if (bytes[at] === K256) return { curve: 'k256', point }
  let key = young.get(text)
  if (key === undefined) {
    key = old.get(text) ?? p256Key(point)
    keepObject(text, key)
  }
  return { curve: 'p256', point, key }
}

function parseAndKeep(text: string): PublicKey {
  const [type = '', multibase = ''] = text.split(' ')
  const parsed = parsePublicKey(type, multibase)
  if (parsed === null) throw new Error(`a key that was valid in its document is not: ${text}`)
  scratch[0] = parsed.curve === 'k256' ? K256 : P256
  scratch.set(parsed.point, 1)
  points.put(text, scratch, scratch.length)
  if (parsed.curve === 'p256') keepObject(text, parsed.key)
  return parsed
}

function keepObject(text: string, key: KeyObject): void {
  // The text is a piece of the batch's: kept as it is it would keep all of that.
  young.set(Buffer.from(text, 'latin1').toString('latin1'), key)
  if (young.size < MAX_OBJECTS / 2) return
  old = young
  young = new Map()
}
