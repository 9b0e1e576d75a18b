import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteDatabase } from './sqlite.ts'
import { describeDatabase, MOVE, NAME, positionOf } from './testing/database-suite.ts'

describeDatabase('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-db-'))
  const path = join(folder, 'state.db')
  const raw = <T>(step: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(path)
    try {
      return step(database)
    } finally {
      database.close()
    }
  }
  return {
    open: () => SqliteDatabase.open(path),
    version: async () =>
      Number(raw((database) => database.prepare('PRAGMA user_version').get()?.['user_version'])),
    setVersion: async (version) => raw((database) => database.exec(`PRAGMA user_version=${version}`)),
    tables: async () =>
      raw((database) =>
        database
          .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
          .all()
          .map(({ name }) => String(name)),
      ),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
  }
})

describe('the embedded database', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'relay-db-'))
    path = join(folder, 'state.db')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('writes ahead', async () => {
    const database = await SqliteDatabase.open(path)
    expect(await database.query('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
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
    expect(await positionOf(database)).toBe(0)
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
