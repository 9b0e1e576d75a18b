import type { Database } from '@bgs/contract/database.ts'

/** By who leads, with the fence of that lead: a former leader that wakes changes nothing. */
const SAVE = `UPDATE partitions SET generation = v.column3, position = v.column4, fence = v.column5
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT))) AS v
  WHERE partitions.topic = v.column1 AND partitions.number = v.column2 AND partitions.fence <= v.column5`
const READ = 'SELECT number, position FROM partitions WHERE topic = $1 AND generation = $2'

/** Up to where the partitions of a topic are consumed, in which generation of it (invariant 2). */
export interface Consumed {
  readonly topic: string
  readonly generation: number
  readonly positions: ReadonlyMap<number, number>
}

/**
 * Notes up to where partitions are consumed, for those who fill them; the truth of it lies in the log. `fence` is that
 * of the leading sequencer's lease.
 */
export async function saveConsumed(
  database: Database,
  { topic, generation, positions }: Consumed,
  fence: number,
): Promise<void> {
  const rows = [...positions].map(([number, position]) => [topic, number, generation, position, fence])
  if (rows.length > 0) await database.transaction([{ sql: SAVE, rows }])
}

/** Positions up to which each partition is consumed in this generation of the topic, as last saved. */
export async function readConsumed(
  database: Database,
  topic: string,
  generation: number,
): Promise<Map<number, number>> {
  const rows = await database.query<{ number: number; position: number }>(READ, [topic, generation])
  return new Map(rows.map(({ number, position }) => [Number(number), Number(position)]))
}
