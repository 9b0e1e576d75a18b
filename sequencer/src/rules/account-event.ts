import type { Facts } from '@bgs/contract/envelope/facts.ts'
import {
  effectiveStatus,
  type LocalStatus,
  RATE_THROTTLE,
  type UpstreamStatus,
  upstreamStatus,
} from '@bgs/contract/envelope/status.ts'
import type { AccountFacts, VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { encodeAccount } from '@bgs/protocol/frame/encode.ts'
import type { Account } from '../state/account.ts'
import { type Append, type Drop, drop, quiet } from './decision.ts'
import { takenFacts } from './taken-facts.ts'

/**
 * #account of the account's own PDS: sets the upstream status and emits the effective one (E1, E3), in the
 * frame as it came wherever that says just the same.
 */
export function decideAccount(
  account: Account | undefined,
  envelope: VerifiedEnvelope,
  reported: AccountFacts,
): Append | Drop {
  const upstream = upstreamStatus(reported.active, reported.status)
  // 3.6: of an account that is throttled for saying too much only news are kept.
  if (account?.local === RATE_THROTTLE && account.upstream === upstream) return drop('event-limit')
  const facts: Facts = { ...takenFacts(envelope), upstream }
  const local = account?.local ?? 'active'
  if (local !== 'active') {
    // A local status hides it (E3): nothing visible changes, yet the word must be kept.
    return quiet(facts)
  }
  const shown = effectiveStatus(local, upstream)
  if (shown.active === reported.active && shown.status === reported.status)
    return { kind: '#account', outcome: 'emit', facts, frame: envelope.frame, seqAt: envelope.seqAt }
  return statusEvent(envelope.did, reported.time, local, upstream, facts)
}

/** An #account in the relay's own words: effective status of the two given. */
export function statusEvent(
  did: string,
  time: string,
  local: LocalStatus,
  upstream: UpstreamStatus,
  facts: Facts,
): Append {
  const { active, status } = effectiveStatus(local, upstream)
  const { frame, seqAt } = encodeAccount({ did, time, active, status: status ?? undefined })
  return { kind: '#account', outcome: 'emit', facts, frame, seqAt }
}
