import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Account } from '../state/account.ts'

/**
 * Invariant 2: an envelope is taken if it lies above the DID's last raw position (drops what verifiers repeat) and
 * above the last position taken from that host for that DID (drops what crawlers repeat).
 */
export function isDuplicate(account: Account, envelope: VerifiedEnvelope): boolean {
  const { rawGeneration, rawOffset, host, epoch, hostSeq } = envelope
  if (rawGeneration < account.rawGeneration) return true
  if (rawGeneration === account.rawGeneration && rawOffset <= account.rawOffset) return true
  const position = account.taken.find((taken) => taken.host === host)
  if (position === undefined) return false
  return epoch < position.epoch || (epoch === position.epoch && hostSeq <= position.seq)
}
