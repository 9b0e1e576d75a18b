import { type Database, FencedError, SchemaError } from '@bgs/contract/database.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MIGRATIONS } from '../migrations.ts'

/** One database that tests may open, close and open again. */
export interface DatabaseUnderTest extends AsyncDisposable {
  open(): Promise<Database>
  /** The number of migrations that the database says it has had. */
  version(): Promise<number>
  setVersion(version: number): Promise<void>
  tables(): Promise<string[]>
}

export const MOVE = 'UPDATE view SET position = $2 WHERE id = 1 AND position = $1'
export const NAME = 'INSERT INTO identities (did, fetched_ms, document) VALUES ($1, $2, $3)'
const RENAME = `${NAME} ON CONFLICT (did) DO UPDATE SET fetched_ms = excluded.fetched_ms, document = excluded.document
  WHERE identities.fetched_ms < excluded.fetched_ms`
const CHANGE = `UPDATE identities SET document = v.column2
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT))) AS v
  WHERE identities.did = v.column1 AND identities.fetched_ms = v.column3`

export async function positionOf(database: Database): Promise<number | undefined> {
  return (await database.query<{ position: number }>('SELECT position FROM view'))[0]?.position
}

async function dids(database: Database): Promise<string[]> {
  const rows = await database.query<{ did: string }>('SELECT did FROM identities')
  return rows.map(({ did }) => did).sort()
}

/** What SQLite and PostgreSQL have in common. */
export function describeDatabase(name: string, create: () => Promise<DatabaseUnderTest>): void {
  describe(name, () => {
    let tested: DatabaseUnderTest
    let database: Database
    beforeEach(async () => {
      tested = await create()
      database = await tested.open()
    })
    afterEach(async () => {
      await database.close()
      await tested[Symbol.asyncDispose]()
    })

    it('brings a new one to the newest schema, and an up-to-date one through unchanged', async () => {
      await database.transaction([{ sql: MOVE, rows: [[0, 77]], expect: 1 }])
      await database.close()
      database = await tested.open()
      expect(await positionOf(database)).toBe(77)
      expect(await tested.version()).toBe(MIGRATIONS.length)
    })

    it('refuses one of a newer schema and leaves it alone (invariant 17)', async () => {
      await database.close()
      const before = await tested.tables()
      await tested.setVersion(MIGRATIONS.length + 1)
      await expect(tested.open()).rejects.toThrow(SchemaError)
      expect(await tested.tables()).toEqual(before)
      expect(await tested.version()).toBe(MIGRATIONS.length + 1)
      await tested.setVersion(MIGRATIONS.length)
      database = await tested.open()
    })

    it('writes all steps of a transaction, or none where a count is not as expected (invariant 6)', async () => {
      const steps = (from: number) => [
        {
          sql: NAME,
          rows: [
            [`did:a${from}`, 1, 'x'],
            [`did:b${from}`, 2, 'y'],
          ],
        },
        { sql: MOVE, rows: [[from, from + 10]], expect: 1 },
      ]
      expect(await database.transaction(steps(0))).toEqual([2, 1])
      await expect(database.transaction(steps(5))).rejects.toThrow(FencedError)
      expect(await positionOf(database)).toBe(10)
      expect(await dids(database)).toEqual(['did:a0', 'did:b0'])
    })

    it('rolls a failing transaction back, reports it as an error, and works on', async () => {
      const twice = {
        sql: NAME,
        rows: [
          ['did:a', 1, 'x'],
          ['did:a', 1, 'x'],
        ],
      }
      const failed = database.transaction([{ sql: MOVE, rows: [[0, 3]] }, twice])
      await expect(failed).rejects.toThrow(/unique/i)
      await expect(failed).rejects.not.toThrow(FencedError)
      expect(await positionOf(database)).toBe(0)
      await expect(database.query('SELECT 1 FROM nowhere')).rejects.toThrow(/nowhere/)
      expect(await database.transaction([{ sql: MOVE, rows: [[0, 4]], expect: 1 }])).toEqual([1])
    })

    it('takes any number of rows in one step, and counts those that changed', async () => {
      const rows = (fetchedMs: number) =>
        Array.from({ length: 1_377 }, (_, i) => [`did:${i}`, fetchedMs + i, `${i}`])
      expect(await database.transaction([{ sql: NAME, rows: rows(0) }])).toEqual([1_377])
      expect(await database.transaction([{ sql: RENAME, rows: rows(0) }])).toEqual([0])
      const changed = Array.from({ length: 1_000 }, (_, i) => [`did:${i + 700}`, `new ${i}`, i + 700])
      const both = [
        { sql: RENAME, rows: rows(1).slice(0, 9), expect: 9 },
        // The last 323 are of DIDs that are not there.
        { sql: CHANGE, rows: changed, expect: 677 },
        { sql: NAME, rows: [] },
      ]
      expect(await database.transaction(both)).toEqual([9, 677, 0])
      const sums = 'SELECT count(*) AS n, sum(fetched_ms) AS sum, max(fetched_ms) AS last FROM identities'
      expect(await database.query(sums)).toEqual([{ n: 1_377, sum: (1_376 * 1_377) / 2 + 9, last: 1_376 }])
      expect(await database.query('SELECT did FROM identities WHERE document = $1', ['new 676'])).toEqual([
        { did: 'did:1376' },
      ])
    })

    it('keeps every kind of value, and what hosts may say', async () => {
      const most = Number.MAX_SAFE_INTEGER
      const text = 'ß \u{1F98B} \u2028 \' " $1 \\ %'
      await database.transaction([
        {
          sql: NAME,
          rows: [
            ['did:a', most, text],
            ['did:b', -most, ''],
            ['did:c', 0, 'a\0b'],
          ],
        },
        { sql: 'INSERT INTO partitions VALUES ($1, $2, 1, 0, $3, 0, -1)', rows: [['raw', 3, null]] },
      ])
      const read = await database.query<{ fetched_ms: number; document: string }>(
        'SELECT fetched_ms, document FROM identities ORDER BY did',
      )
      expect(read.slice(0, 2)).toEqual([
        { fetched_ms: most, document: text },
        { fetched_ms: -most, document: '' },
      ])
      expect(read[2]?.document).toMatch(/^a.b$/su)
      expect(await database.query('SELECT owner FROM partitions')).toEqual([{ owner: null }])
    })

    it('shows a caller that awaits its requests what those before did', async () => {
      for (let i = 0; i < 30; i++) {
        await database.transaction([{ sql: MOVE, rows: [[i, i + 1]], expect: 1 }])
        expect(await positionOf(database)).toBe(i + 1)
      }
    })

    it('answers what was asked before it is closed, and rejects what is asked after', async () => {
      const asked = Array.from({ length: 20 }, (_, i) =>
        database.transaction([{ sql: NAME, rows: [[`did:${i}`, i, '']] }]),
      )
      await database.close()
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 20 }, () => [1]))
      await expect(database.query('SELECT 1')).rejects.toThrow(/closed|ended/)
      database = await tested.open()
      expect(await dids(database)).toHaveLength(20)
    })
  })
}
