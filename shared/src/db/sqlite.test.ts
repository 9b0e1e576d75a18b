import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FencedError, SchemaError } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import { SqliteDatabase } from './sqlite.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relay-db-'))
  path = join(folder, 'state.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const MOVE = 'UPDATE view SET position = $2 WHERE id = 1 AND position = $1'
const NAME = 'INSERT INTO identities (did, fetched_ms, document) VALUES ($1, $2, $3)'

async function position(database: SqliteDatabase): Promise<number | undefined> {
  return (await database.query<{ position: number }>('SELECT position FROM view'))[0]?.position
}

describe('the embedded database', () => {
  it('brings a new file to the newest schema, and an up-to-date one through unchanged', async () => {
    const first = await SqliteDatabase.open(path)
    await first.transaction([{ sql: MOVE, rows: [[0, 77]], expect: 1 }])
    await first.close()
    const second = await SqliteDatabase.open(path)
    expect(await position(second)).toBe(77)
    await second.close()
    const raw = new DatabaseSync(path)
    expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length })
    expect(raw.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    raw.close()
  })

  it('refuses a file of a newer schema and leaves it alone (invariant 17)', async () => {
    const raw = new DatabaseSync(path)
    raw.exec(`PRAGMA user_version=${MIGRATIONS.length + 1}`)
    raw.close()
    await expect(SqliteDatabase.open(path)).rejects.toThrow(SchemaError)
    const again = new DatabaseSync(path)
    expect(again.prepare('SELECT count(*) AS tables FROM sqlite_master').get()).toEqual({ tables: 0 })
    again.close()
  })

  it('writes all steps of a transaction, or none where a count is not as expected (invariant 6)', async () => {
    const database = await SqliteDatabase.open(path)
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
    expect(await position(database)).toBe(10)
    expect(await database.query('SELECT did FROM identities ORDER BY did')).toEqual([
      { did: 'did:a0' },
      { did: 'did:b0' },
    ])
    await database.close()
  })

  it('rolls a failing transaction back, reports it as an error, and works on', async () => {
    const database = await SqliteDatabase.open(path)
    const twice = {
      sql: NAME,
      rows: [
        ['did:a', 1, 'x'],
        ['did:a', 1, 'x'],
      ],
    }
    const failed = database.transaction([{ sql: MOVE, rows: [[0, 3]] }, twice])
    await expect(failed).rejects.toThrow(/UNIQUE/)
    await expect(failed).rejects.not.toThrow(FencedError)
    expect(await position(database)).toBe(0)
    expect(await database.transaction([{ sql: MOVE, rows: [[0, 4]], expect: 1 }])).toEqual([1])
    await database.close()
  })

  it('tries a transaction again for which there was no room, and loses nothing of it (invariant 12)', async () => {
    const database = await SqliteDatabase.open(path)
    // SQLite's own bound on the size of the file gives the same error as a full disk.
    const bound = async (pages: number) => database.query(`PRAGMA max_page_count=${pages}`)
    const [row] = await database.query<{ page_count: number }>('PRAGMA page_count')
    await bound(row?.page_count ?? 0)
    const large = [{ sql: NAME, rows: [['did:large', 1, 'x'.repeat(200_000)]] }]
    let done = false
    const waiting = database.transaction(large).then(() => {
      done = true
    })
    // Answered in order: by then the first attempt has failed.
    await database.query('SELECT 1')
    expect(await position(database)).toBe(0)
    expect(done).toBe(false)
    await bound(1_000_000)
    await waiting
    expect(await database.query('SELECT length(document) AS bytes FROM identities')).toEqual([
      { bytes: 200_000 },
    ])
    await database.close()
  })

  it('answers requests in the order they were made, and rejects those made after the end', async () => {
    const database = await SqliteDatabase.open(path)
    const answers: number[] = []
    const asked = Array.from({ length: 50 }, async (_, i) => {
      await database.transaction([{ sql: MOVE, rows: [[i, i + 1]], expect: 1 }])
      answers.push(i)
    })
    await Promise.all(asked)
    expect(answers).toEqual(Array.from({ length: 50 }, (_, i) => i))
    await database.close()
    await expect(database.query('SELECT 1')).rejects.toThrow('the database worker has ended')
  })
})
