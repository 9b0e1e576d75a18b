import { equalCids } from '../drisl/cid.ts'
import { compareBytes } from '../drisl/text.ts'
import type { Op } from '../frame/frame.ts'
import { type Fault, fault } from './fault.ts'
import { keyLayer } from './key-layer.ts'
import { append, appendFrom, NO_NODE, STUB } from './leaf-list.ts'
import { allotKey, type Tree } from './tree.ts'

/**
 * Undoes the operations on the list (protocol.md C11, 3.4 step 5): `before` becomes the list without them. The
 * operations must be in path order, each path once; their offsets are in the bytes of the blocks. An operation that
 * the tree contradicts is `op-not-in-tree`; one whose place lies in a subtree that is absent, `inversion-incomplete`.
 */
export function undoOps(tree: Tree, ops: readonly Op[]): Fault | null {
  const { now, before, car } = tree
  const { bytes } = car
  let next = 0
  let isStubInGap = false
  before.count = 0
  for (const op of ops) {
    let order = 1
    while (next < now.count) {
      const keyAt = now.keyAt[next]!
      if (keyAt === STUB) isStubInGap = true
      else {
        order = compareBytes(tree.keys, keyAt, now.keyEnd[next]!, bytes, op.pathAt, op.pathEnd)
        if (order >= 0) break
        isStubInGap = false
      }
      appendFrom(before, now, next++)
    }
    const isFound = next < now.count && order === 0
    if (isFound) {
      if (op.action === 'delete' || op.action === 'none')
        return fault('op-not-in-tree', `${op.path} is deleted but in the tree`)
      if (!equalCids(bytes, now.cidAt[next]!, bytes, op.cidAt)) {
        return fault('op-not-in-tree', `${op.path} has another CID in the tree`)
      }
      if (op.action === 'update') {
        append(before, now.keyAt[next]!, now.keyEnd[next]!, now.layer[next]!, op.prevAt, now.node[next]!)
      }
      next++
      isStubInGap = false
    } else if (isStubInGap)
      return fault('inversion-incomplete', `the place of ${op.path} is not among the blocks`)
    else if (op.action === 'delete') insert(tree, op)
    // Created and deleted in one commit: it was not there before, and is not now.
    else if (op.action !== 'none') return fault('op-not-in-tree', `${op.path} is not in the tree`)
  }
  while (next < now.count) appendFrom(before, now, next++)
  return null
}

function insert(tree: Tree, op: Op): void {
  const length = op.pathEnd - op.pathAt
  const keyAt = allotKey(tree, length)
  for (let i = 0; i < length; i++) tree.keys[keyAt + i] = tree.car.bytes[op.pathAt + i]!
  append(tree.before, keyAt, keyAt + length, keyLayer(tree.keys, keyAt, keyAt + length), op.prevAt, NO_NODE)
}
