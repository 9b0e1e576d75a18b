import type { SqlValue } from '@bgs/contract/database.ts'
import { types } from 'pg'

const INT8 = 20
const NUMERIC = 1700

/** BIGINT and sums of it are numbers here; one that a number cannot hold is a fault. */
export const POSTGRES_TYPES = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === INT8 || oid === NUMERIC) return safeInteger
    return types.getTypeParser(oid, format as 'text') as (value: string) => unknown
  },
}

function safeInteger(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number))
    throw new RangeError(`the database holds ${text}, which is no safe integer`)
  return number
}

/** PostgreSQL's text holds no NUL, and what hosts say of themselves may: it becomes U+FFFD. */
export function postgresParams(params: readonly SqlValue[]): SqlValue[] {
  return params.map((value) =>
    typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value,
  )
}
