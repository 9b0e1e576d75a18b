import type { Database } from '@bgs/contract/database.ts'

const NOTE = `INSERT INTO topics (name, id, generation) VALUES ($1, $2, 1)
  ON CONFLICT (name) DO UPDATE SET id = excluded.id,
    generation = CASE WHEN topics.id = excluded.id THEN topics.generation ELSE topics.generation + 1 END
  RETURNING generation`

const RAISE = 'UPDATE topics SET generation = generation + 1 WHERE name = $1 AND generation = $2'

/**
 * Our generation of a topic (invariant 2): raised when the broker's id of it is another, for then it was made anew and
 * its offsets begin at 0 again.
 */
export async function topicGeneration(database: Database, name: string, id: string): Promise<number> {
  const [row] = await database.query<{ generation: number }>(NOTE, [name, id])
  if (row === undefined) throw new Error(`the database keeps no generation of ${name}`)
  return Number(row.generation)
}

/**
 * Raises the generation of a topic that is no longer what it was although it has the same id: a partition of it has
 * lost its end, so that its offsets are given to others. Changes nothing where it is not `from` any more.
 */
export async function raiseTopicGeneration(database: Database, name: string, from: number): Promise<void> {
  await database.transaction([{ sql: RAISE, rows: [[name, from]] }])
}
