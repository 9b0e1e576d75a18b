import type { Database } from '@bgs/contract/database.ts'
import { type EffectiveStatus, effectiveStatus, type LocalStatus } from '@bgs/contract/envelope/status.ts'
import { XrpcError } from '../http/xrpc-error.ts'

export interface AccountView {
  readonly first_seq: number
  readonly did: string
  readonly host: string
  readonly rev: string | null
  readonly commit_cid: string | null
  readonly upstream: string
  readonly local: LocalStatus
}

const COLUMNS = 'first_seq, did, host, rev, commit_cid, upstream, local'

/** An account as the view has it. Throws RepoNotFound where the DID was never seen. */
export async function accountOf(database: Database, did: string): Promise<AccountView> {
  const [row] = await database.query<AccountView>(`SELECT ${COLUMNS} FROM accounts WHERE did = $1`, [did])
  if (row === undefined) throw new XrpcError(400, 'RepoNotFound', `this relay knows no account ${did}`)
  return row
}

/** A page of accounts in the order in which they were first seen, behind `after`. */
export function accountPage(database: Database, after: number, limit: number): Promise<AccountView[]> {
  return database.query<AccountView>(
    `SELECT ${COLUMNS} FROM accounts WHERE first_seq > $1 ORDER BY first_seq LIMIT $2`,
    [after, limit],
  )
}

export function statusOf(account: AccountView): EffectiveStatus {
  return effectiveStatus(account.local, account.upstream)
}

/** The errors of getLatestCommit and getRepo by effective status (protocol.md section 5). */
const BY_STATUS: Readonly<Record<string, string>> = {
  takendown: 'RepoTakendown',
  suspended: 'RepoSuspended',
  deactivated: 'RepoDeactivated',
  deleted: 'RepoNotFound',
}

/** Throws the named error of an account that is not active. */
export function requireActive(account: AccountView): void {
  const { active, status } = statusOf(account)
  if (active) return
  const code = BY_STATUS[status ?? ''] ?? 'RepoSuspended'
  throw new XrpcError(400, code, `the account ${account.did} is ${status ?? 'inactive'}`)
}
