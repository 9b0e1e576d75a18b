import type { Database, SqlStep } from '@bgs/contract/database.ts'
import type { PendingCommit } from '@bgs/contract/envelope/facts.ts'
import { cidKeyFromText, cidKeyToText } from '@bgs/protocol/drisl/cid-key.ts'
import type { Account } from './account.ts'

const UPSERT = `INSERT INTO held_commits (did, rev, commit_cid, data_cid, block) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (did) DO UPDATE SET rev = excluded.rev, commit_cid = excluded.commit_cid, data_cid = excluded.data_cid,
    block = excluded.block`
const DELETE = 'DELETE FROM held_commits WHERE did = $1'

/** Keeps the table of pending commits, `held_commits`, as these changed accounts are. */
export function pendingCommitSteps(accounts: readonly Account[]): SqlStep[] {
  const kept = accounts.flatMap(({ did, pendingCommit }) =>
    pendingCommit ? [[did, pendingCommit] as const] : [],
  )
  const gone = accounts.filter(({ pendingCommit }) => pendingCommit === null)
  return [
    {
      sql: UPSERT,
      rows: kept.map(([did, { rev, commit, data, block }]) => [
        did,
        rev,
        cidKeyToText(commit),
        cidKeyToText(data),
        Buffer.from(block).toString('base64'),
      ]),
    },
    { sql: DELETE, rows: gone.map(({ did }) => [did]) },
  ]
}

/** The pending commits of these DIDs (at most 500), as far as there are any. */
export async function readPendingCommits(
  database: Database,
  dids: readonly string[],
): Promise<Map<string, PendingCommit>> {
  const places = dids.map((_, i) => `$${i + 1}`).join(', ')
  const rows = await database.query<{
    did: string
    rev: string
    commit_cid: string
    data_cid: string
    block: string
  }>(`SELECT * FROM held_commits WHERE did IN (${places})`, dids)
  return new Map(
    rows.map(({ did, rev, commit_cid, data_cid, block }) => [
      did,
      {
        rev,
        commit: cidKeyFromText(commit_cid),
        data: cidKeyFromText(data_cid),
        block: new Uint8Array(Buffer.from(block, 'base64')),
      },
    ]),
  )
}
