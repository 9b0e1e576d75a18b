import type { Database } from '../db/database.ts'

const NOTE = `INSERT INTO topics (name, id, generation) VALUES ($1, $2, 1)
  ON CONFLICT (name) DO UPDATE SET id = excluded.id,
    generation = CASE WHEN topics.id = excluded.id THEN topics.generation ELSE topics.generation + 1 END
  RETURNING generation`

/**
 * Our generation of a topic (invariant 2): raised when the broker's id of it is another, for then it was made anew and
 * its offsets begin at 0 again.
 */
export async function topicGeneration(database: Database, name: string, id: string): Promise<number> {
  const [row] = await database.query<{ generation: number }>(NOTE, [name, id])
  if (row === undefined) throw new Error(`the database keeps no generation of ${name}`)
  return Number(row.generation)
}
