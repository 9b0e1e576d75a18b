import type { PreparedNames } from './prepared-names.ts'
import { type Message, texts } from './wire.ts'

const SLEEP = /\bpg_sleep\s*\(\s*([\d.]+)\s*\)/gi
const BEGINS = /^\s*(BEGIN|START\s+TRANSACTION)\b/i
const COMMITS = /^\s*(COMMIT|END)\b/i
const ROLLS_BACK = /^\s*(ROLLBACK|ABORT)\b/i
const WRITES = /\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP)\b/i

/** What a text does to its transaction. */
export type Step = 'begin' | 'commit' | 'rollback' | 'other'

export function stepOf(sql: string): Step {
  if (BEGINS.test(sql)) return 'begin'
  if (COMMITS.test(sql)) return 'commit'
  return ROLLS_BACK.test(sql) ? 'rollback' : 'other'
}

export function writes(sql: string): boolean {
  return WRITES.test(sql)
}

/** How long a text sleeps, milliseconds: the engine would stand still with all else. */
export function sleepMsOf(sql: string): number {
  return [...sql.matchAll(SLEEP)].reduce((sum, [, seconds]) => sum + Number(seconds) * 1_000, 0)
}

export function withoutSleep(sql: string): string {
  return sql.replaceAll(SLEEP, 'pg_sleep(0)')
}

/** Whether a client waits for an answer behind this message. */
export function endsUnit({ type }: Message): boolean {
  return type === 'Q' || type === 'S' || type === 'F'
}

/** All that a unit (messages up to a Query or a Sync) has to do, as one text. */
export function sqlOf(unit: readonly Message[], names: PreparedNames): string {
  const prepared = new Map<string, string>()
  const parts: string[] = []
  for (const { type, body } of unit) {
    const [first = '', second = ''] = texts(body, 2).found
    if (type === 'Q') parts.push(first)
    if (type === 'P') prepared.set(first, second)
    if (type === 'B') parts.push(prepared.get(second) ?? names.sqlOf(second) ?? '')
  }
  return parts.join('; ')
}
