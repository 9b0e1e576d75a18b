import { DatabaseClosedError } from '@bgs/contract/database.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MIGRATIONS } from './migrations.ts'
import { PostgresDatabase } from './postgres.ts'
import { CommitCutter } from './testing/commit-cutter.ts'
import { MOVE, NAME, positionOf } from './testing/database-suite.ts'

const RAISE = 'UPDATE view SET position = position + 1 WHERE id = 1'

let server: PostgresServer
let url = ''
let database: PostgresDatabase
let databases = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  url = await server.createDatabase(`outage${++databases}`)
  database = await PostgresDatabase.open(url)
})
afterEach(() => database.close())

/** Raises the counter and leaves a name that no second attempt could leave. */
function raise(through: PostgresDatabase, name: number): Promise<number[]> {
  return through.transaction([
    { sql: NAME, rows: [[`did:${name}`, name, '']], expect: 1 },
    { sql: RAISE, rows: [[]], expect: 1 },
  ])
}

async function expectRaised(times: number): Promise<void> {
  expect(await database.query('SELECT count(*) AS names FROM identities')).toEqual([{ names: times }])
  expect(await positionOf(database)).toBe(times)
}

/** Statements on a connection of their own. */
async function aside<T extends object>(...statements: string[]): Promise<T[]> {
  const client = new Client(url)
  await client.connect()
  try {
    let rows: T[] = []
    for (const sql of statements) rows = (await client.query<T>(sql)).rows
    return rows
  } finally {
    await client.end()
  }
}

describe('a schema', () => {
  it('is brought up to date once by processes that start at once', async () => {
    const fresh = await server.createDatabase('together')
    const opened = await Promise.all(Array.from({ length: 8 }, () => PostgresDatabase.open(fresh)))
    for (const each of opened) {
      expect(await each.query('SELECT version FROM schema_version')).toEqual([{ version: MIGRATIONS.length }])
      await each.close()
    }
  })

  it('is looked for where the URL says, and refused where other software has its tables', async () => {
    await aside(
      'CREATE SCHEMA apart',
      'CREATE SCHEMA foreigner',
      'CREATE TABLE foreigner.accounts (id INTEGER)',
    )
    const apart = await PostgresDatabase.open(`${url}?options=-c%20search_path%3Dapart`)
    expect(await raise(apart, 1)).toEqual([1, 1])
    await apart.close()
    await expectRaised(0)
    const other = PostgresDatabase.open(`${url}?options=-c%20search_path%3Dforeigner`)
    await expect(other).rejects.toThrow('tables of another software')
  })

  it('may be changed under a process that has prepared its statements', async () => {
    const ask = () => database.query<object>('SELECT * FROM view')
    await ask()
    await aside('ALTER TABLE view ADD COLUMN more BIGINT NOT NULL DEFAULT 7')
    expect(await ask()).toMatchObject([{ more: 7 }])
  })
})

describe('every transaction takes effect exactly once', () => {
  it('while the server is killed and started again', async () => {
    const all = Array.from({ length: 200 }, (_, i) => raise(database, i))
    for (let i = 0; i < 3; i++) {
      await wait(30)
      await server.kill()
      await wait(200 * i)
      await server.start()
    }
    expect(await Promise.all(all)).toEqual(all.map(() => [1, 1]))
    await expectRaised(200)
  })

  // After 12 s the connections are given up, and live on at the server with what they hold.
  it.each([3, 15])('while the server stands still for %i seconds', async (seconds) => {
    const all = Array.from({ length: 200 }, (_, i) => raise(database, i))
    await wait(30)
    server.pause()
    await wait(seconds * 1_000)
    server.resume()
    await Promise.all(all)
    await expectRaised(200)
  })

  it('while its connections are ended again and again', async () => {
    const all = Array.from({ length: 200 }, (_, i) => raise(database, i))
    for (let i = 0; i < 10; i++) {
      await aside('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
      await wait(20)
    }
    await Promise.all(all)
    await expectRaised(200)
  })

  it.each(['commit', 'answer'] as const)('where the %s is lost on the way', async (cut) => {
    await using cutter = await CommitCutter.before(url)
    const through = await PostgresDatabase.open(cutter.url)
    for (let i = 0; i < 20; i++) {
      const done = cutter.cutNext(cut)
      expect(await raise(through, i)).toEqual([1, 1])
      await done
    }
    await expectRaised(20)
    await through.close()
  })

  // PostgreSQL then gives the id of the transaction to another, which commits: pg_xact_status would say "committed".
  it('where the server dies before the COMMIT', async () => {
    await using cutter = await CommitCutter.before(url)
    const through = await PostgresDatabase.open(cutter.url)
    await raise(through, 0)
    const held = cutter.cutNext('held')
    const waiting = raise(through, 1)
    await held
    await server.kill()
    const starting = server.start()
    await waiting
    await starting
    await expectRaised(2)
    await through.close()
  })

  it.each(['40001', '40P01', '53100', '57014'])('where it fails with the passing error %s', async (state) => {
    await aside(
      'CREATE SEQUENCE failures',
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('failures') < 4 THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = '${state}'; END IF;
        RETURN NEW; END $$`,
      'CREATE TRIGGER fail BEFORE INSERT ON identities FOR EACH ROW EXECUTE FUNCTION fail()',
    )
    expect(await raise(database, 1)).toEqual([1, 1])
    await expectRaised(1)
  })
})

describe('the database', () => {
  it('answers queries that were asked while it was away', async () => {
    await positionOf(database)
    await server.kill()
    const asked = Array.from({ length: 20 }, () => positionOf(database))
    await wait(300)
    await server.start()
    expect(await Promise.all(asked)).toEqual(asked.map(() => 0))
  })

  it('is waited for at the start, and no longer than wanted', async () => {
    await server.kill()
    const away = new AbortController()
    const words: unknown[] = []
    const health = { ok: () => words.push('ok'), failed: (error: unknown) => words.push(error) }
    const given = PostgresDatabase.open(url, { signal: away.signal })
    const opening = PostgresDatabase.open(url, { health })
    await wait(200)
    away.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    await server.start()
    const opened = await opening
    expect(await positionOf(opened)).toBe(0)
    expect(String(words[0])).toMatch(
      /^ConnectError: no connection to PostgreSQL at 127\.0\.0\.1:\d+\/outage\d+: .*ECONNREFUSED/,
    )
    expect(words.at(-1)).toBe('ok')
    await opened.close()
  })

  it('says no number that JavaScript cannot hold', async () => {
    await aside('UPDATE view SET position = 9007199254740992')
    await expect(positionOf(database)).rejects.toThrow('9007199254740992, which is no safe integer')
    await aside('UPDATE view SET position = -9007199254740991')
    expect(await positionOf(database)).toBe(-Number.MAX_SAFE_INTEGER)
  })

  it('takes six connections at most', async () => {
    const all = Array.from({ length: 50 }, () => database.query('SELECT pg_sleep(0.02)'))
    await wait(100)
    const [row] = await aside<{ n: string }>(
      "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'relay-%' AND datname = current_database()",
    )
    expect(Number(row?.n)).toBe(6)
    await Promise.all(all)
  })

  it.each(['gone', 'standing still'])('is closed soon where the server is %s', async (how) => {
    await positionOf(database)
    if (how === 'gone') await server.kill()
    else server.pause()
    const waiting = [positionOf(database), ...Array.from({ length: 10 }, (_, i) => raise(database, i))]
    const settled = Promise.allSettled(waiting)
    await wait(100)
    const start = performance.now()
    await database.close()
    const results = await settled
    expect(performance.now() - start).toBeLessThan(1_500)
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseClosedError) })
    await expect(database.query('SELECT 1')).rejects.toThrow(DatabaseClosedError)
    server.resume()
    await server.start()
  })

  it('fences one of two writers', async () => {
    const other = await PostgresDatabase.open(url)
    const moves = [database, other].map((each) =>
      each.transaction([{ sql: MOVE, rows: [[0, 1]], expect: 1 }]),
    )
    const results = await Promise.allSettled(moves)
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await other.close()
  })
})
