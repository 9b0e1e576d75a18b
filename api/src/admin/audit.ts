import { randomUUID } from 'node:crypto'
import type { Database, SqlStep } from '@bgs/contract/database.ts'

/** One change that an operator made. */
export interface AuditEntry {
  readonly id: string
  readonly atMs: number
  readonly who: string
  readonly act: string
  /** The host, account, domain or consumer that it is about. */
  readonly subject: string
  readonly why: string
  /** What was asked for, as JSON. */
  readonly detail: unknown
}

const INSERT = `INSERT INTO audit (id, at_ms, who, act, subject, why, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`

/** A step that notes an act, for the transaction that carries it out or the one before it is said to the sequencer. */
export function auditStep(entry: Omit<AuditEntry, 'id'>): SqlStep {
  const { atMs, who, act, subject, why, detail } = entry
  return { sql: INSERT, rows: [[randomUUID(), atMs, who, act, subject, why, JSON.stringify(detail)]] }
}

/** The newest entries before a time, newest first. */
export async function auditEntries(
  database: Database,
  beforeMs: number,
  limit: number,
): Promise<AuditEntry[]> {
  const rows = await database.query<{
    id: string
    at_ms: number
    who: string
    act: string
    subject: string
    why: string
    detail: string
  }>('SELECT * FROM audit WHERE at_ms < $1 ORDER BY at_ms DESC, id LIMIT $2', [beforeMs, limit])
  return rows.map(({ id, at_ms, who, act, subject, why, detail }) => ({
    id,
    atMs: Number(at_ms),
    who,
    act,
    subject,
    why,
    detail: JSON.parse(detail) as unknown,
  }))
}
