import { hash } from 'node:crypto'
import { mstUtil } from '@atproto/repo'

/** The first key `PREFIX/NUMBER` of this layer of a tree, as the reference counts layers. */
export async function keyOfLayer(prefix: string, layer: number): Promise<string> {
  const least = 256 - 2 * layer
  for (let number = 0; ; number++) {
    const key = `${prefix}/${String(number).padStart(6, '0')}`
    // The reference is slow: only where enough bits are zero.
    if (bitsOf(hash('sha256', key, 'buffer')) > least) continue
    if ((await mstUtil.leadingZerosOnHash(key)) === layer) return key
  }
}

/** The number of bits from the first that is not zero. */
function bitsOf(digest: Uint8Array): number {
  const first = digest.findIndex((byte) => byte !== 0)
  return 8 * (digest.length - first) - (Math.clz32(digest[first] ?? 0) - 24)
}
