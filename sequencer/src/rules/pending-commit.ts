import { NO_FACTS, type PendingCommit } from '@bgs/contract/envelope/facts.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { encodeSync } from '@bgs/protocol/frame/encode.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import type { Account } from '../state/account.ts'
import { blockIn, carOf } from './commit-block.ts'
import type { Append } from './decision.ts'

/** What a #sync may hold in all (protocol.md section 2), less the CAR around the block. */
const MAX_BLOCK_BYTES = 9_800

/**
 * The signed commit of a #commit or #sync that is dropped because its account is not active; null for other events,
 * and for one that no #sync could carry. Off the hot path: the frame is scanned once more.
 */
export function pendingCommitOf({ repo, frame }: VerifiedEnvelope): PendingCommit | null {
  if (repo === null) return null
  const scanned = scanFrame(frame)
  if (scanned.kind !== 'frame' || (scanned.type !== '#commit' && scanned.type !== '#sync')) return null
  const block = blockIn(frame, scanned.blocksAt, scanned.blocksEnd, repo.commit)
  if (block === undefined || block.length > MAX_BLOCK_BYTES) return null
  return { rev: repo.rev, commit: repo.commit, data: repo.data, block: new Uint8Array(block) }
}

/**
 * The #sync that tells the network of what was dropped while the account was inactive (S2), for one that is active
 * again; null where there is nothing newer than what it has been told.
 */
export function syncOfPending({ did, rev, pendingCommit }: Account, nowMs: number): Append | null {
  if (!pendingCommit || (rev !== null && pendingCommit.rev <= rev)) return null
  const { commit, data, block } = pendingCommit
  const blocks = carOf(commit, block)
  const { frame, seqAt } = encodeSync({
    did,
    rev: pendingCommit.rev,
    blocks,
    time: new Date(nowMs).toISOString(),
  })
  const facts = { ...NO_FACTS, did, repo: { rev: pendingCommit.rev, commit, data } }
  return { kind: '#sync', outcome: 'emit-reset', facts, frame, seqAt }
}
