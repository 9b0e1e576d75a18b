import type { SqlValue } from '@bgs/contract/database.ts'
import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import { cidKeyFromText, cidKeyToText } from '@bgs/protocol/drisl/cid-key.ts'
import type { Account } from './account.ts'

/** Writes one account into the view; only what can change is updated. */
export const UPSERT_ACCOUNT = `INSERT INTO accounts
  (first_seq, did, host, taken, raw_generation, raw_offset, rev, commit_cid, data_cid, upstream, local, digest, version, marked,
    synced)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
  ON CONFLICT (did) DO UPDATE SET host = excluded.host, taken = excluded.taken,
    raw_generation = excluded.raw_generation, raw_offset = excluded.raw_offset, rev = excluded.rev,
    commit_cid = excluded.commit_cid, data_cid = excluded.data_cid, upstream = excluded.upstream,
    local = excluded.local, digest = excluded.digest, version = excluded.version, marked = excluded.marked,
    synced = excluded.synced`

/** Two columns keep older names: `host` is `pdsHost` of the account, `marked` its `discontinuous`. */
export interface AccountRow {
  first_seq: number
  did: string
  host: string
  taken: string
  raw_generation: number
  raw_offset: number
  rev: string | null
  commit_cid: string | null
  data_cid: string | null
  upstream: string
  local: string
  digest: string
  version: number
  marked: number
  synced: number
}

/** The parameters of UPSERT_ACCOUNT. */
export function accountParams(account: Account): SqlValue[] {
  const taken = Object.fromEntries(account.taken.map(({ host, epoch, seq }) => [host, [epoch, seq]]))
  return [
    account.firstSeq,
    account.did,
    account.pdsHost,
    JSON.stringify(taken),
    account.rawGeneration,
    account.rawOffset,
    account.rev,
    account.commit === null ? null : cidKeyToText(account.commit),
    account.data === null ? null : cidKeyToText(account.data),
    account.upstream,
    account.local,
    account.digest,
    account.version,
    account.discontinuous,
    account.synced ? 1 : 0,
  ]
}

/** An account as the view has it; `intern` keeps one string for each hostname. */
export function accountFromRow(row: AccountRow, intern: (host: string) => string): Account {
  const taken = JSON.parse(row.taken) as Record<string, [number, number]>
  return {
    did: row.did,
    firstSeq: Number(row.first_seq),
    pdsHost: intern(row.host),
    rawGeneration: Number(row.raw_generation),
    rawOffset: Number(row.raw_offset),
    taken: Object.entries(taken).map(([host, [epoch, seq]]) => ({ host: intern(host), epoch, seq })),
    rev: row.rev,
    commit: row.commit_cid === null ? null : cidKeyFromText(row.commit_cid),
    data: row.data_cid === null ? null : cidKeyFromText(row.data_cid),
    upstream: row.upstream,
    local: row.local as LocalStatus,
    digest: row.digest,
    version: Number(row.version),
    discontinuous: Number(row.marked),
    synced: Number(row.synced) === 1,
    pendingCommit: undefined,
    untilMs: undefined,
    dirty: false,
  }
}
