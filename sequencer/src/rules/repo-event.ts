import type { RepoFacts, VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { type Account, isActive } from '../state/account.ts'
import { type Append, type Drop, drop, quiet } from './decision.ts'
import { pendingCommitOf } from './pending-commit.ts'
import { takenFacts } from './taken-facts.ts'

/** #commit: C1, C4 against the stored rev, C13. A DID never seen is adopted. */
export function decideCommit(
  account: Account | undefined,
  envelope: VerifiedEnvelope,
  repo: RepoFacts,
): Append | Drop {
  if (account !== undefined && !isActive(account)) return rejectInactive(account, envelope, repo)
  const known = account?.rev ?? null
  if (known !== null && repo.rev <= known) {
    // A host may announce a repo by #sync and then send the #commit of the same rev: the records are in that one alone.
    const isAnnounced = repo.rev === known && account?.synced === true && account.commit === repo.commit
    return isAnnounced ? adopt(envelope, repo, 'emit') : drop('rev-stale')
  }
  // C13: a commit that is valid but does not follow the one before it is an operational gap, not a lie.
  const follows =
    known === null || (repo.since === known && (repo.prevData === null || repo.prevData === account?.data))
  return adopt(envelope, repo, follows && !envelope.discontinuous ? 'emit' : 'emit-discontinuous')
}

/** #sync: C1, S1. Higher rev: adopt; equal: a confirmation or a fork; lower: stale. */
export function decideSync(
  account: Account | undefined,
  envelope: VerifiedEnvelope,
  repo: RepoFacts,
): Append | Drop {
  if (account !== undefined && !isActive(account)) return rejectInactive(account, envelope, repo)
  const known = account?.rev ?? null
  if (account === undefined || known === null) return adopt(envelope, repo, 'emit-reset')
  if (repo.rev < known) return drop('rev-stale')
  if (repo.rev === known) {
    const same = account.commit === null ? account.data === repo.data : account.commit === repo.commit
    return same ? adopt(envelope, repo, 'emit-confirm', account.synced) : drop('sync-fork')
  }
  return adopt(envelope, repo, account.data === repo.data ? 'emit' : 'emit-reset')
}

function adopt(
  envelope: VerifiedEnvelope,
  repo: RepoFacts,
  outcome: Append['outcome'],
  synced = envelope.type === '#sync',
): Append {
  const { rev, commit, data } = repo
  const facts = {
    ...takenFacts(envelope),
    repo: { rev, commit, data },
    synced,
    discontinuous: outcome === 'emit-discontinuous',
  }
  return { kind: envelope.type, outcome, facts, frame: envelope.frame, seqAt: envelope.seqAt }
}

/**
 * C1: an account that is not active has no commits. Its PDS is asked where only its word stands against it. The newest
 * signed commit is kept pending, so that the network hears of it when the account is active again (S2).
 */
function rejectInactive(account: Account, envelope: VerifiedEnvelope, repo: RepoFacts): Append | Drop {
  const rejected = drop('account-inactive', account.local === 'active')
  const newest = account.pendingCommit?.rev ?? account.rev ?? ''
  const pendingCommit = repo.rev > newest ? pendingCommitOf(envelope) : null
  return pendingCommit === null
    ? rejected
    : { ...quiet({ ...takenFacts(envelope), pendingCommit }), rejected }
}
