import { type Facts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'

/** Facts that every taken envelope has: its DID, where it was taken from, and whether that is the account's PDS. */
export function takenFacts(envelope: VerifiedEnvelope): Facts {
  const { did, rawGeneration, rawOffset, host, epoch, hostSeq } = envelope
  return {
    ...NO_FACTS,
    did,
    taken: { rawGeneration, rawOffset, host, epoch, seq: hostSeq },
    moves: envelope.authoritative,
    pdsHost: envelope.pdsHost ?? null,
  }
}
