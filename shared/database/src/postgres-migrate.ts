import { SchemaError } from '@bgs/contract/database.ts'
import type { Client } from 'pg'
import { MIGRATIONS } from './migrations.ts'

/** Any number, the same for all of this software. */
const LOCK = 7_203_516_204
const DUPLICATE_TABLE = '42P07'

/**
 * Tables of the connection itself, and no part of the history. `commits` holds the number of the last transaction of
 * each session (postgres-session.ts), in the column `lane`; those of processes long gone are forgotten.
 */
const OWN_TABLES = `
  CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY, version BIGINT NOT NULL);
  INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING;
  CREATE TABLE IF NOT EXISTS commits (
    lane TEXT PRIMARY KEY,
    number BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now()
  );
  DELETE FROM commits WHERE at < now() - INTERVAL '7 days'`

/**
 * Brings the schema up to date in one transaction under a lock: of several processes that start at once one does it,
 * and the others find it done. Throws SchemaError, leaving all as it is, where the schema is a newer one.
 */
export async function migratePostgres(client: Client): Promise<void> {
  // As long as it takes: an index over millions of rows, or another process that is at it.
  await client.query('BEGIN; SET LOCAL statement_timeout = 0')
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
    const at = await versionOf(client)
    if (at > MIGRATIONS.length)
      throw new SchemaError(
        `the database has schema ${at}, this version knows up to ${MIGRATIONS.length}: install that version again`,
      )
    await client.query(OWN_TABLES)
    for (const migration of MIGRATIONS.slice(at)) await client.query(migration)
    if (at < MIGRATIONS.length) await client.query(`UPDATE schema_version SET version = ${MIGRATIONS.length}`)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    if ((error as { code?: string }).code === DUPLICATE_TABLE)
      throw new SchemaError(`the database has tables of another software: ${(error as Error).message}`, {
        cause: error,
      })
    throw error
  }
}

async function versionOf(client: Client): Promise<number> {
  // Where the table is another schema's, or none, there is nothing of ours yet.
  const { rows } = await client.query<{ found: boolean }>(
    "SELECT to_regclass(quote_ident(current_schema()) || '.schema_version') IS NOT NULL AS found",
  )
  if (rows[0]?.found !== true) return 0
  const { rows: versions } = await client.query<{ version: number }>('SELECT version FROM schema_version')
  return versions[0]?.version ?? 0
}
