/**
 * What proves a #commit, by its own bytes and its account's key (C2 to C12 of protocol.md), in this order:
 *
 * 1. C2: the flags tooBig and rebase. C3 to C5: sizes, rev, time, since, and that prevData is there.
 * 2. C6 to C8 (signed-commit.ts): each block has the hash of its CID, the first root is the commit, the commit has the
 *    event's DID and rev, and the signature holds.
 * 3. C9 (ops.ts): each operation has a right shape, each path comes once.
 * 4. C10 to C12 (tree.ts): the tree is well formed and agrees with the operations. Once they are undone its root is
 *    prevData. So the blocks prove what changed, and nobody has to hold the repo.
 *
 * The first fault ends it and is the reason. A lenient host is let off a few of them; its commit is then `discontinuous`.
 */

import type { CommitFrame } from '../frame/frame.ts'
import type { Reason } from '../reasons/reason.ts'
import { type Fault, fault } from '../repo/fault.ts'
import { isDatetime } from '../syntax/datetime.ts'
import { isTid } from '../syntax/tid.ts'
import type { CommitFacts, VerifyContext } from './facts.ts'
import { verifyOps } from './ops.ts'
import { verifyRev } from './rev.ts'
import { verifySignedCommit } from './signed-commit.ts'
import { dataCid, verifyTree } from './tree.ts'

const MAX_BLOCKS_BYTES = 2_000_000
const MAX_OPS = 200

/** What a lenient host is let off, of the faults of the tree: C5 and C12 (protocol.md 3.5). */
const LENIENT: ReadonlySet<Reason> = new Set([
  'prev-data-missing',
  'inversion-incomplete',
  'inversion-mismatch',
])

/**
 * Judges a #commit by itself; `bytes` is the frame it was scanned from. Total: any scanned frame gives facts or a fault.
 * C1, a stale rev and the chain (C13) need state and are the sequencer's.
 */
export function verifyCommit(
  frame: CommitFrame,
  bytes: Uint8Array,
  context: VerifyContext,
): CommitFacts | Fault {
  const { lenient, nowMs } = context
  const marks: Reason[] = []
  if (frame.tooBig) {
    if (!lenient) return fault('too-big-flag', 'tooBig is true')
    marks.push('too-big-flag')
  }
  if (frame.rebase) return fault('rebase-flag', 'rebase is true')
  const envelope = verifyEnvelope(frame, nowMs)
  if (envelope !== null) return envelope
  if (frame.prevData === null && frame.since !== null) {
    if (!lenient) return fault('prev-data-missing', 'prevData is missing and this is no first commit')
    marks.push('prev-data-missing')
  }
  const signed = verifySignedCommit(frame, bytes, context.key)
  if (signed.kind === 'fault') return signed
  const ordered = verifyOps(frame.ops, lenient)
  if (ordered.kind === 'fault') return ordered
  if (ordered.isPrevMissing) marks.push('op-shape')
  const complaint = verifyTree(frame, signed, ordered)
  if (complaint !== null) {
    if (!lenient || !LENIENT.has(complaint.reason)) return complaint
    if (!marks.includes(complaint.reason)) marks.push(complaint.reason)
  }
  return {
    kind: 'facts',
    rev: frame.rev,
    since: frame.since,
    prevData: frame.prevData,
    commit: frame.commit,
    data: dataCid(signed),
    marks,
  }
}

/** C3 to C5 but for prevData: sizes, rev, time, since. */
function verifyEnvelope(frame: CommitFrame, nowMs: number): Fault | null {
  const size = frame.blocksEnd - frame.blocksAt
  if (size === 0 || size > MAX_BLOCKS_BYTES) return fault('blocks-size', `${size} bytes`)
  if (frame.ops.length > MAX_OPS) return fault('ops-count', `${frame.ops.length} operations`)
  const rev = verifyRev(frame.rev, nowMs)
  if (rev !== null) return rev
  if (!isDatetime(frame.time))
    return fault('time-syntax', `time is ${JSON.stringify(frame.time.slice(0, 80))}`)
  if (frame.since !== null && !isTid(frame.since)) {
    return fault('since-syntax', `since is ${JSON.stringify(frame.since.slice(0, 64))}`)
  }
  return null
}
