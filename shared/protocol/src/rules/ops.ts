import type { Op } from '../frame/frame.ts'
import { type Fault, fault } from '../repo/fault.ts'
import { isRepoPath } from '../syntax/repo-path.ts'
import { foldOps } from './fold-ops.ts'

/**
 * The operations of a commit in path order, by themselves (protocol.md C9), each path once. `isPrevMissing` is set when an
 * update or delete of a lenient host comes without `prev`; then the commit cannot be inverted.
 */
export type OrderedOps = { kind: 'ops'; ops: readonly Op[]; isPrevMissing: boolean }

export function verifyOps(ops: readonly Op[], lenient: boolean): OrderedOps | Fault {
  for (const op of ops) {
    if (!isRepoPath(op.path)) return fault('op-path', `path ${JSON.stringify(op.path.slice(0, 100))}`)
    const complaint = shapeComplaint(op)
    if (complaint !== '') return fault('op-shape', `${complaint}: ${op.path}`)
  }
  const ordered =
    ops.length < 2 ? ops : ops.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  const folded = isEachOnce(ordered) ? { kind: 'folded' as const, ops: ordered } : foldOps(ordered)
  if (folded.kind === 'fault') return folded
  const { ops: net } = folded
  let isPrevMissing = false
  for (const op of net) {
    if (op.action === 'create' && op.prevAt >= 0) return fault('op-shape', `create with prev: ${op.path}`)
    if (op.action === 'create' || op.action === 'none' || op.prevAt >= 0) continue
    if (!lenient) return fault('op-shape', `${op.action} without prev: ${op.path}`)
    isPrevMissing = true
  }
  return { kind: 'ops', ops: net, isPrevMissing }
}

function isEachOnce(ordered: readonly Op[]): boolean {
  for (let i = 1; i < ordered.length; i++) if (ordered[i]!.path === ordered[i - 1]!.path) return false
  return true
}

function shapeComplaint(op: Op): string {
  switch (op.action) {
    case 'create':
    case 'update':
      return op.cidAt < 0 ? `${op.action} without cid` : ''
    case 'delete':
      return op.cidAt >= 0 ? 'delete with cid' : ''
    default:
      return `unknown action ${JSON.stringify(op.action.slice(0, 32))}`
  }
}
