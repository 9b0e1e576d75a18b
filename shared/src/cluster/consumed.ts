import type { Database } from '../db/database.ts'

const SAVE = `UPDATE partitions SET position = v.column3
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))) AS v
  WHERE partitions.topic = v.column1 AND partitions.number = v.column2 AND partitions.position < v.column3`
const READ = 'SELECT number, position FROM partitions WHERE topic = $1'

/** Notes up to where partitions are consumed, for those who fill them; the truth of it lies in the log. */
export async function saveConsumed(
  database: Database,
  topic: string,
  positions: ReadonlyMap<number, number>,
): Promise<void> {
  const rows = [...positions].map(([number, position]) => [topic, number, position])
  if (rows.length > 0) await database.transaction([{ sql: SAVE, rows }])
}

/** Positions up to which each partition is consumed, as last saved. */
export async function readConsumed(database: Database, topic: string): Promise<Map<number, number>> {
  const rows = await database.query<{ number: number; position: number }>(READ, [topic])
  return new Map(rows.map(({ number, position }) => [Number(number), Number(position)]))
}
