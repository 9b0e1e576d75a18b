import type { CommitData } from '@atproto/repo'

/** CIDs as the reference packages make them. */
export type Cid = CommitData['cid']

/** One line of `ops` (protocol.md section 2): `prev` is required for update and delete, absent for create. */
export type RepoOp =
  | { action: 'create'; path: string; cid: Cid }
  | { action: 'update'; path: string; cid: Cid; prev: Cid }
  | { action: 'delete'; path: string; cid: null; prev: Cid }

/** `#commit` without `seq` and `time`, which the host adds. */
export interface CommitBody {
  rebase: boolean
  tooBig: boolean
  repo: string
  commit: Cid
  rev: string
  since: string | null
  blocks: Uint8Array
  ops: RepoOp[]
  blobs: Cid[]
  /** Absent in the first commit of a repo only. */
  prevData?: Cid
}

/** `#sync` without `seq` and `time`: the CAR holds the commit block alone. */
export interface SyncBody {
  did: string
  blocks: Uint8Array
  rev: string
}

interface IdentityBody {
  did: string
  handle?: string
}

export interface AccountBody {
  did: string
  active: boolean
  status?: string
}

export type SimEvent =
  | { type: '#commit'; body: CommitBody }
  | { type: '#sync'; body: SyncBody }
  | { type: '#identity'; body: IdentityBody }
  | { type: '#account'; body: AccountBody }

export function didOf(event: SimEvent): string {
  return event.type === '#commit' ? event.body.repo : event.body.did
}
