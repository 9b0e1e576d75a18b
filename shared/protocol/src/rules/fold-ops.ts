import type { Op } from '../frame/frame.ts'
import { type Fault, fault } from '../repo/fault.ts'

/**
 * What several operations on one path come to, `ops` being in path order and those of one path as they were sent. A batch
 * of writes may name a record more than once; the reference PDS then sends an operation for each write, each with the
 * `prev` of before the whole batch. Between two trees only the net operation can be proved (C11, C12): from what the first
 * one found to what the last one left. `op-duplicate` where one contradicts the one before it.
 *
 *   create, update     create with the last cid        create, delete     none: the path must not be in the tree
 *   update, update     update with the last cid        delete, create     update
 *   update, delete     delete
 */
export function foldOps(ops: readonly Op[]): { kind: 'folded'; ops: readonly Op[] } | Fault {
  const folded: Op[] = []
  for (let i = 0; i < ops.length; ) {
    const first = ops[i] as Op
    let last = first
    for (i++; i < ops.length && ops[i]?.path === first.path; i++) {
      const next = ops[i] as Op
      if ((last.action === 'delete') !== (next.action === 'create'))
        return fault('op-duplicate', `${last.action}, then ${next.action}: ${first.path}`)
      last = next
    }
    folded.push(first === last ? first : { ...first, action: netAction(first, last), cidAt: last.cidAt })
  }
  return { kind: 'folded', ops: folded }
}

/** What stood there before is told by the first operation, what stands there after by the last. */
function netAction(first: Op, last: Op): string {
  const wasThere = first.action !== 'create'
  const isThere = last.action !== 'delete'
  if (wasThere) return isThere ? 'update' : 'delete'
  return isThere ? 'create' : 'none'
}
