import { hash } from 'node:crypto'
import { CID_BYTES, DIGEST_AT } from '@bgs/protocol/drisl/cid.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { findBlock, readCar } from '@bgs/protocol/repo/car.ts'
import { readCommit } from '@bgs/protocol/repo/commit.ts'
import { readVectorJson, vectorsOr } from '@bgs/testkit/vectors.ts'
import { realFrames } from '../frames.ts'
import { guarded } from '../guarded.ts'
import { PropertyError, type Target } from '../target.ts'

const CARS = 'car-file-fixtures.json'

/** The CAR reader, and the commit object in its root. */
export async function carTarget(): Promise<Target> {
  const seeds = realFrames().all.flatMap((bytes) => {
    const frame = scanFrame(bytes)
    return 'blocksAt' in frame ? [bytes.slice(frame.blocksAt, frame.blocksEnd)] : []
  })
  // Those of frames are CARs as good.
  const { cases } = await vectorsOr(
    [CARS],
    () => readVectorJson<{ car: string }[]>(CARS),
    () => [],
  )
  for (const { car } of cases) seeds.push(Uint8Array.from(Buffer.from(car, 'base64')))
  return {
    seeds,
    look: (input) => guarded(input, verdictOf),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

function verdictOf(bytes: Uint8Array): string {
  const car = readCar(bytes, 0, bytes.length)
  if (car.kind === 'fault') return car.reason
  for (const [block, cidAt] of car.cidAt.entries()) {
    const content = bytes.subarray(car.dataAt[block], car.dataEnd[block])
    const digest = bytes.subarray(cidAt + DIGEST_AT, cidAt + CID_BYTES)
    if (!hash('sha256', content, 'buffer').equals(digest))
      throw new PropertyError(`block ${block} is accepted under a CID that it does not hash to`)
    if (findBlock(car, bytes, cidAt) < 0) throw new PropertyError(`block ${block} is not found by its CID`)
  }
  const root = findBlock(car, bytes, car.rootAt)
  if (root < 0) return 'car without its root'
  const commit = readCommit(bytes, car.dataAt[root] as number, car.dataEnd[root] as number)
  return commit.kind === 'fault' ? commit.reason : 'car with a commit'
}
