import type { Facts, PendingCommit, SourcePosition } from '@bgs/contract/envelope/facts.ts'
import {
  effectiveStatus,
  HOST_THROTTLE,
  type LocalStatus,
  RATE_THROTTLE,
  type UpstreamStatus,
} from '@bgs/contract/envelope/status.ts'

/** What the relay knows of one DID (protocol.md section 0; ARCHITECTURE.md, "Log and state"). CIDs are latin1 strings of 36 bytes. */
export interface Account {
  readonly did: string
  /** Seq of the entry that first named it: its stable key for paging. */
  readonly firstSeq: number
  pdsHost: string
  rawGeneration: number
  rawOffset: number
  /** Last position taken from each of its hosts, former ones included (invariant 2). */
  taken: HostPosition[]
  rev: string | null
  commit: string | null
  data: string | null
  /** Its rev was told by a #sync: the #commit of that rev, if there is one, has not come yet. */
  synced: boolean
  upstream: UpstreamStatus
  local: LocalStatus
  digest: string
  /** Raised with each word on its status: answers that were asked for before are void (invariant 7). */
  version: number
  /** Events that broke its chain. */
  discontinuous: number
  /** Its last signed commit that was dropped while it is inactive (S2); undefined: the view may have one. */
  pendingCommit: PendingCommit | null | undefined
  /** When the throttle for its rate of events ends; undefined: as the view has it. */
  untilMs: number | null | undefined
  /** Changed since the view was last written. */
  dirty: boolean
}

export interface HostPosition {
  readonly host: string
  epoch: number
  seq: number
}

/** Former hosts whose positions are kept for one account. More moves than these forget the oldest. */
export const MAX_POSITIONS = 64

/** An account as it is before the entry with seq `firstSeq` first names it. */
export function newAccount(did: string, firstSeq: number, pdsHost: string): Account {
  return {
    did,
    firstSeq,
    pdsHost,
    rawGeneration: 0,
    rawOffset: 0,
    taken: [],
    rev: null,
    commit: null,
    data: null,
    synced: false,
    upstream: 'active',
    local: 'active',
    digest: '',
    version: 0,
    discontinuous: 0,
    pendingCommit: undefined,
    untilMs: undefined,
    dirty: true,
  }
}

/** Applies what an appended entry says: the only way in which an account changes. */
export function applyFacts(account: Account, facts: Facts): void {
  if (facts.taken !== null) applyTaken(account, facts.taken)
  if (facts.moves && facts.taken !== null) account.pdsHost = facts.pdsHost ?? facts.taken.host
  if (facts.repo !== null) {
    account.rev = facts.repo.rev
    account.commit = facts.repo.commit
    account.data = facts.repo.data
    account.synced = facts.synced
    if (account.pendingCommit && account.pendingCommit.rev <= account.rev) account.pendingCommit = null
  }
  if (facts.pendingCommit !== null) account.pendingCommit = facts.pendingCommit
  if (facts.upstream !== null) account.upstream = facts.upstream
  if (facts.local !== null) {
    if (account.local === RATE_THROTTLE) account.untilMs = null
    account.local = facts.local
  }
  if (facts.untilMs !== null) account.untilMs = facts.untilMs
  if (facts.upstream !== null || facts.local !== null) account.version++
  if (facts.digest !== null) account.digest = facts.digest
  if (facts.discontinuous) account.discontinuous++
  account.dirty = true
}

function applyTaken(account: Account, taken: SourcePosition): void {
  account.rawGeneration = taken.rawGeneration
  account.rawOffset = taken.rawOffset
  const position = account.taken.find(({ host }) => host === taken.host)
  if (position === undefined) {
    account.taken.push({ host: taken.host, epoch: taken.epoch, seq: taken.seq })
    if (account.taken.length > MAX_POSITIONS) account.taken.shift()
    return
  }
  position.epoch = taken.epoch
  position.seq = taken.seq
}

/** What an account adds to the counts of a host (protocol.md H8). */
export interface Counted {
  /** Null for one that was deleted: it counts nowhere. */
  readonly host: string | null
  /** Beyond the host's limit: counted, and not let through. */
  readonly throttled: boolean
}

export function countedBy(account: Account): Counted {
  return {
    host: account.upstream === 'deleted' ? null : account.pdsHost,
    throttled: account.local === HOST_THROTTLE,
  }
}

export function isActive(account: Account): boolean {
  return effectiveStatus(account.local, account.upstream).active
}
