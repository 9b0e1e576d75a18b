import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { findBlock, readCar } from '@bgs/protocol/repo/car.ts'
import { readCommit } from '@bgs/protocol/repo/commit.ts'
import { verifyOps } from '@bgs/protocol/rules/ops.ts'
import { verifyTree } from '@bgs/protocol/rules/tree.ts'
import { realFrames } from '../frames.ts'
import { guarded } from '../guarded.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { mutateTree } from '../mutate-tree.ts'
import type { Target } from '../target.ts'

/** The walk of the tree and the inversion, as of a host that can sign whatever it likes. */
export async function mstTarget(): Promise<Target> {
  const seeds = realFrames().all.filter((bytes) => {
    const frame = scanFrame(bytes)
    return frame.kind === 'frame' && frame.type === '#commit'
  })
  return {
    seeds,
    mutate: (seed, random) =>
      random.chance(0.9) ? mutateTree(seed, random, seeds) : mutateBytes(seed, random, seeds),
    look: (input) => guarded(input, verdictOf),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** What the judge does, without the signature. */
function verdictOf(bytes: Uint8Array): string {
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection') return frame.reason
  if (frame.type !== '#commit') return 'no commit'
  const car = readCar(bytes, frame.blocksAt, frame.blocksEnd)
  if (car.kind === 'fault') return car.reason
  const root = findBlock(car, bytes, car.rootAt)
  if (root < 0) return 'commit-missing'
  const commit = readCommit(bytes, car.dataAt[root] as number, car.dataEnd[root] as number)
  if (commit.kind === 'fault') return commit.reason
  const ordered = verifyOps(frame.ops, false)
  if (ordered.kind === 'fault') return ordered.reason
  return verifyTree(frame, { kind: 'signed', car, commit }, ordered)?.reason ?? 'inverted'
}
