import { hash } from 'node:crypto'
import { CID_BYTES, DIGEST_AT } from '@bgs/protocol/drisl/cid.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { readCar } from '@bgs/protocol/repo/car.ts'
import type { Random } from '@bgs/simnet/random.ts'

/**
 * A commit whose blocks were changed and whose CIDs were made to fit again, up to the root: bytes that were merely
 * changed get no further than the hashes of the CAR, and no tree would ever be walked.
 */
export function mutateTree(seed: Uint8Array, random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  const bytes = Uint8Array.from(seed)
  const frame = scanFrame(bytes)
  if (frame.kind !== 'frame' || frame.type !== '#commit') return bytes
  const car = readCar(bytes, frame.blocksAt, frame.blocksEnd)
  if (car.kind === 'fault') return bytes
  for (let left = 1 + random.int(3); left > 0; left--) {
    const block = random.int(car.cidAt.length)
    change(bytes, car.dataAt[block] as number, car.dataEnd[block] as number, random, random.pick(seeds))
  }
  // A block that links to one that was changed is changed by that: as many rounds as the tree is deep.
  for (let round = 0; round < car.cidAt.length; round++) {
    let isWhole = true
    for (const [block, cidAt] of car.cidAt.entries()) {
      const digest = hash('sha256', bytes.subarray(car.dataAt[block], car.dataEnd[block]), 'buffer')
      const former = Buffer.from(bytes.slice(cidAt + DIGEST_AT, cidAt + CID_BYTES))
      if (digest.equals(former)) continue
      isWhole = false
      replaceAll(bytes, former, digest)
    }
    if (isWhole) break
  }
  return bytes
}

/** Changes some bytes and keeps their number, for lengths stand before them. */
function change(bytes: Uint8Array, at: number, end: number, random: Random, other: Uint8Array): void {
  const length = Math.min(end - at, 1 + random.int(random.chance(0.8) ? 4 : CID_BYTES))
  const to = at + random.int(end - at - length + 1)
  const way = random.int(4)
  for (let i = 0; i < length; i++) {
    const byte = bytes[to + i] as number
    if (way === 0) bytes[to + i] = byte ^ (1 << random.int(8))
    else if (way === 1) bytes[to + i] = (byte + (random.chance(0.5) ? 1 : 255)) & 0xff
    else if (way === 2) bytes[to + i] = other[(to + i) % other.length] as number
    else bytes[to + i] = bytes[at + random.int(end - at)] as number
  }
}

function replaceAll(bytes: Uint8Array, former: Buffer, latter: Buffer): void {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = all.indexOf(former); at >= 0; at = all.indexOf(former, at + former.length))
    bytes.set(latter, at)
}
