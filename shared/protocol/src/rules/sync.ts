import { CID_BYTES } from '../drisl/cid.ts'
import type { SyncFrame } from '../frame/frame.ts'
import { type Fault, fault } from '../repo/fault.ts'
import type { JudgeContext, SyncFacts } from './facts.ts'
import { judgeRev } from './rev.ts'
import { judgeSignedCommit } from './signed-commit.ts'
import { dataCid } from './tree.ts'

const MAX_SYNC_BYTES = 10_000

/**
 * Judges a #sync by itself (protocol.md S1): its size, C4 but for a stale rev, C6 to C8. Extra blocks are fine and
 * nothing is inverted. Total, as judgeCommit is.
 */
export function judgeSync(frame: SyncFrame, bytes: Uint8Array, context: JudgeContext): SyncFacts | Fault {
  const size = frame.blocksEnd - frame.blocksAt
  if (size === 0 || size > MAX_SYNC_BYTES) return fault('sync-blocks-size', `${size} bytes`)
  const rev = judgeRev(frame.rev, context.nowMs)
  if (rev !== null) return rev
  const signed = judgeSignedCommit(frame, bytes, context.key)
  if (signed.kind === 'fault') return signed
  const { rootAt } = signed.car
  return {
    kind: 'facts',
    rev: frame.rev,
    commit: bytes.subarray(rootAt, rootAt + CID_BYTES),
    data: dataCid(signed),
  }
}
