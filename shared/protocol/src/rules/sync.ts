import { CID_BYTES } from '../drisl/cid.ts'
import type { SyncFrame } from '../frame/frame.ts'
import { type Fault, fault } from '../repo/fault.ts'
import type { SyncFacts, VerifyContext } from './facts.ts'
import { verifyRev } from './rev.ts'
import { verifySignedCommit } from './signed-commit.ts'
import { dataCid } from './tree.ts'

const MAX_SYNC_BYTES = 10_000

/**
 * Judges a #sync by itself (protocol.md S1): its size, C4 but for a stale rev, C6 to C8. Extra blocks are fine and
 * nothing is inverted. Total, as verifyCommit is.
 */
export function verifySync(frame: SyncFrame, bytes: Uint8Array, context: VerifyContext): SyncFacts | Fault {
  const size = frame.blocksEnd - frame.blocksAt
  if (size === 0 || size > MAX_SYNC_BYTES) return fault('sync-blocks-size', `${size} bytes`)
  const rev = verifyRev(frame.rev, context.nowMs)
  if (rev !== null) return rev
  const signed = verifySignedCommit(frame, bytes, context.key)
  if (signed.kind === 'fault') return signed
  const { rootAt } = signed.car
  return {
    kind: 'facts',
    rev: frame.rev,
    commit: bytes.subarray(rootAt, rootAt + CID_BYTES),
    data: dataCid(signed),
  }
}
