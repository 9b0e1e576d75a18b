import { type Fault, fault } from '../repo/fault.ts'
import { isTid, tidMicros } from '../syntax/tid.ts'

/** How far a clock of a host may be ahead (protocol.md C4, A15). */
const MAX_REV_AHEAD_MS = 5 * 60 * 1_000

/** `rev` is a TID that does not lie in the future (C4). Whether it is above the last one is the sequencer's to say. */
export function verifyRev(rev: string, nowMs: number): Fault | null {
  if (!isTid(rev)) return fault('rev-syntax', `rev is ${JSON.stringify(rev.slice(0, 64))}`)
  const aheadMs = tidMicros(rev) / 1_000 - nowMs
  return aheadMs > MAX_REV_AHEAD_MS ? fault('rev-future', `${Math.round(aheadMs / 1_000)} s ahead`) : null
}
