import type { HostRow } from '@bgs/database/hosts/host-rows.ts'

/** A host as the lexicons show it. */
export function hostView(row: HostRow) {
  return {
    hostname: row.hostname,
    ...(row.last_seq === null ? {} : { seq: Number(row.last_seq) }),
    accountCount: Number(row.account_count),
    status: Number(row.banned) === 1 ? 'banned' : row.status,
  }
}
