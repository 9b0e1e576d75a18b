import { CID_BYTES, cidFromText, equalCids } from '../drisl/cid.ts'
import type { CommitFrame, Op } from '../frame/frame.ts'
import { findBlock } from '../repo/car.ts'
import { type Fault, fault } from '../repo/fault.ts'
import { undoOps } from '../repo/invert.ts'
import { openTree } from '../repo/mst.ts'
import { rootBefore } from '../repo/rebuild.ts'
import type { OrderedOps } from './ops.ts'
import { verifyRecords } from './records.ts'
import type { SignedCommit } from './signed-commit.ts'

/** The root of a repo without records. */
const EMPTY_ROOT = cidFromText('bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm')

/**
 * C10 to C12: the tree is well formed, agrees with the operations and their records, and gives `prevData` once they
 * are undone. Without `prevData` only a first commit can be proved: undone, it leaves an empty repo (A25).
 */
export function verifyTree(
  frame: CommitFrame,
  signed: SignedCommit,
  { ops, isPrevMissing }: OrderedOps,
): Fault | null {
  const { car, commit } = signed
  const { prevData } = frame
  const isUnchanged =
    ops.length === 0 && prevData !== null && equalCids(car.bytes, commit.dataAt, prevData, 0)
  // The unchanged root of an empty commit is no new node, so it need not be sent (A16).
  if (isUnchanged && findBlock(car, car.bytes, commit.dataAt) < 0) return null
  const tree = openTree(car, car.bytes, commit.dataAt)
  if (tree.kind === 'fault') return tree
  const contradiction = undoOps(tree, ops) ?? verifyRecords(car, ops)
  if (contradiction !== null) return contradiction
  if (isUnchanged || isPrevMissing) return null
  const root = rootBefore(tree)
  if (prevData === null) return verifyFirst(frame, ops, root)
  if (root === null) return fault('inversion-incomplete', 'a subtree that changes is not among the blocks')
  return equalCids(root, 0, prevData, 0) ? null : fault('inversion-mismatch', 'another root')
}

function verifyFirst(frame: CommitFrame, ops: readonly Op[], root: Uint8Array | null): Fault | null {
  const isFirst =
    frame.since === null &&
    root !== null &&
    EMPTY_ROOT !== null &&
    equalCids(root, 0, EMPTY_ROOT, 0) &&
    ops.every((op) => op.action === 'create' || op.action === 'none')
  return isFirst ? null : fault('prev-data-missing', 'prevData is missing and this is no first commit')
}

/** The CID of the tree, a view into the frame. */
export function dataCid({ car, commit }: SignedCommit): Uint8Array {
  return car.bytes.subarray(commit.dataAt, commit.dataAt + CID_BYTES)
}
