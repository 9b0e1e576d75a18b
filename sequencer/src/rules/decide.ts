import { type Facts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import { HOST_THROTTLE, RATE_THROTTLE } from '@bgs/contract/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Account } from '../state/account.ts'
import { decideAccount, statusEvent } from './account-event.ts'
import { type Append, type Decision, drop } from './decision.ts'
import { isDuplicate } from './dedup.ts'
import { type HostCounts, hasRoom } from './host-room.ts'
import { pendingCommitOf } from './pending-commit.ts'
import { decideCommit, decideSync } from './repo-event.ts'
import { takenFacts } from './taken-facts.ts'

/**
 * The rules that need state, for one envelope that the verifier passed (protocol.md G7, C1, C4, C13, S1, I1–I3, A-1).
 * Pure: `account` and `host` are what is known before it; the decision's facts say what is known after.
 */
export function decide(
  account: Account | undefined,
  host: HostCounts & { readonly banned: boolean },
  envelope: VerifiedEnvelope,
  nowMs: number,
): Decision {
  if (host.banned) return drop('host-banned')
  if (account !== undefined && isDuplicate(account, envelope)) return drop('already-taken')
  const decision = decideByType(account, envelope)
  if (account !== undefined || decision.kind === 'drop') return decision
  // First sight: the digest is noted, so that a later hint is news only if the document changed since (I2).
  const created = { ...decision, facts: { ...decision.facts, digest: envelope.digest } }
  return hasRoom(host) ? created : throttleNew(created, envelope, nowMs)
}

function decideByType(account: Account | undefined, envelope: VerifiedEnvelope): Decision {
  if (envelope.type === '#identity') return decideIdentity(account, envelope)
  // What a relay says of an account's status is a reason to ask its host.
  if (!envelope.authoritative) return drop('host-not-authoritative', envelope.pdsHost !== undefined)
  if (envelope.account !== null) return decideAccount(account, envelope, envelope.account)
  if (envelope.repo === null) throw new Error(`a verified ${envelope.type} without facts`)
  return envelope.type === '#sync'
    ? decideSync(account, envelope, envelope.repo)
    : decideCommit(account, envelope, envelope.repo)
}

/**
 * I1: from the account's PDS it is passed on, whatever the account's status (I3). I2: from elsewhere it was a hint
 * to look at the document again, and is news only if that changed.
 */
function decideIdentity(account: Account | undefined, envelope: VerifiedEnvelope): Decision {
  if (!envelope.authoritative) {
    if (account === undefined) return drop('host-not-authoritative')
    if (account.digest === envelope.digest) return drop('identity-unchanged')
  }
  // 3.6: of an account that is throttled for saying too much only news are passed on.
  if (account?.local === RATE_THROTTLE && account.digest === envelope.digest) return drop('event-limit')
  const facts = { ...takenFacts(envelope), digest: envelope.digest }
  return { kind: '#identity', outcome: 'emit', facts, frame: envelope.frame, seqAt: envelope.seqAt }
}

/**
 * G7: a host at its limit gets further accounts as throttled, and the network is told so: behind an #identity, which is
 * passed on all the same (I3), in place of anything else. A commit is kept pending for the day the account is released (S2).
 */
function throttleNew(created: Append, envelope: VerifiedEnvelope, nowMs: number): Append {
  const pendingCommit = pendingCommitOf(envelope)
  const facts: Facts = {
    ...created.facts,
    repo: null,
    discontinuous: false,
    local: HOST_THROTTLE,
    pendingCommit,
  }
  const upstream = created.facts.upstream ?? 'active'
  const throttled = (of: Facts) =>
    statusEvent(of.did, new Date(nowMs).toISOString(), HOST_THROTTLE, upstream, of)
  if (created.kind !== '#identity') return throttled(facts)
  return { ...created, facts, next: throttled({ ...NO_FACTS, did: facts.did }) }
}
