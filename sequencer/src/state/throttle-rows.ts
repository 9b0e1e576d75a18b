import type { SqlStep } from '@bgs/contract/database.ts'
import type { Account } from './account.ts'

const UPSERT = `INSERT INTO throttles (did, until_ms) VALUES ($1, $2)
  ON CONFLICT (did) DO UPDATE SET until_ms = excluded.until_ms`
const DELETE = 'DELETE FROM throttles WHERE did = $1'

/** Keeps the table of throttles that end at a time as these changed accounts are. */
export function throttleSteps(accounts: readonly Account[]): SqlStep[] {
  const running = accounts.flatMap(({ did, untilMs }) =>
    typeof untilMs === 'number' ? [[did, untilMs]] : [],
  )
  const ended = accounts.filter(({ untilMs }) => untilMs === null)
  return [
    { sql: UPSERT, rows: running },
    { sql: DELETE, rows: ended.map(({ did }) => [did]) },
  ]
}
