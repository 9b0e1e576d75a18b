import { once } from 'node:events'
import { connect } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { engineTemplate, PostgresEngine } from './postgres-engine.ts'
import { PostgresModel } from './postgres-model.ts'
import { wellMood } from './postgres-mood.ts'
import { startPostgres } from './start-postgres.ts'
import { int32, message, messagesOf, query } from './wire.ts'

let model: PostgresModel
/** What chance says next; then 0.5. */
const chances: number[] = []
const clients: Client[] = []
beforeAll(async () => {
  model = await PostgresModel.create({ chance: () => chances.shift() ?? 0.5, keepsJournal: true })
  await model.start()
}, 60_000)
afterAll(() => model.kill())
beforeEach(async () => {
  const client = await connected()
  await client.query('DROP TABLE IF EXISTS t')
  await client.query(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp())',
  )
})
afterEach(async () => {
  Object.assign(model.mood, wellMood())
  chances.length = 0
  model.resume()
  await model.start()
  for (const client of clients.splice(0)) await client.end().catch(() => undefined)
})

async function connected(config: ClientConfig = {}): Promise<Client> {
  const client = new Client({ connectionString: model.url('relay'), ...config })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

const add = (client: Client, id: number) => client.query('INSERT INTO t (id) VALUES ($1)', [id])

async function ids(): Promise<number[]> {
  const { rows } = await (await connected()).query<{ id: number }>('SELECT id FROM t ORDER BY id')
  return rows.map(({ id }) => id)
}

describe('faults', () => {
  it.each(['stop', 'kill'] as const)(
    '%s: what was committed stays, what was under way does not',
    async (how) => {
      const client = await connected()
      await add(client, 1)
      await client.query('BEGIN')
      await add(client, 2)
      const told = once(client, 'error')
      model[how]()
      const text = how === 'stop' ? 'due to administrator command' : 'Connection terminated'
      expect((await told)[0]).toMatchObject({ message: expect.stringContaining(text) })
      await expect(connected()).rejects.toThrow('ECONNREFUSED')
      await model.start()
      expect(await ids()).toEqual([1])
    },
  )

  it('hang: nothing is answered before it is over, then all, also what nobody waits for any more', async () => {
    const [client, gone] = [await connected(), await connected()]
    model.hang(300)
    const since = performance.now()
    void add(gone, 1).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    gone.connection.stream.destroy()
    await client.query('SELECT 1')
    expect(performance.now() - since).toBeGreaterThan(290)
    expect(await ids()).toEqual([1])
  })

  it('statementMs: statements take so long, and longer than they may', async () => {
    const client = await connected({ statement_timeout: 200 })
    model.mood.statementMs = 100
    const since = performance.now()
    await client.query('BEGIN')
    await add(client, 1)
    expect(performance.now() - since).toBeGreaterThan(190)
    model.mood.statementMs = 1_000
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '57014' })
    model.mood.statementMs = 0
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' })
    await client.query('COMMIT')
    expect(await ids()).toEqual([])
  })

  it('refuses: nobody may connect', async () => {
    model.mood.refuses = true
    await expect(connected()).rejects.toMatchObject({ code: '53300' })
  })

  it('serializationFailureShare: nothing of it takes effect, and the connection goes on', async () => {
    const client = await connected()
    model.mood.serializationFailureShare = 0.3
    chances.push(0.2)
    await expect(add(client, 1)).rejects.toMatchObject({ code: '40001' })
    // Its transaction is to fail, not at its first statement, but at its commit.
    chances.push(0.2, 0.6)
    await client.query('BEGIN')
    await add(client, 2)
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '40001' })
    chances.push(0.2, 0.4)
    await client.query('BEGIN')
    await expect(add(client, 3)).rejects.toMatchObject({ code: '40001' })
    await client.query('ROLLBACK')
    chances.push(0.4)
    await add(client, 4)
    expect(await ids()).toEqual([4])
  })

  it.each([
    ['before', 0.4, []],
    ['after', 0.6, [1, 2]],
  ])('unknownOutcomeShare: the connection is cut %s the commit', async (_when, chance, left) => {
    model.mood.unknownOutcomeShare = 0.3
    const client = await connected()
    await client.query('BEGIN')
    await add(client, 1)
    chances.push(0.2, chance)
    await expect(client.query('COMMIT')).rejects.toThrow()
    chances.push(0.2, chance)
    await expect(add(await connected(), 2)).rejects.toThrow()
    expect(await ids()).toEqual(left)
  })

  it('cutConnections: they break, and their transactions are undone', async () => {
    const client = await connected()
    await client.query('BEGIN')
    await add(client, 1)
    expect(model.cutConnections()).toBeGreaterThan(0)
    await expect(add(client, 2)).rejects.toThrow()
    expect(await ids()).toEqual([])
  })

  it('failOver: the last of what was committed is lost, the rest is as it was', async () => {
    const client = await connected()
    const named = (id: number) =>
      client.query({ name: 'add', text: 'INSERT INTO t (id) VALUES ($1)', values: [id] })
    await client.query('CREATE SCHEMA apart; SET search_path = apart; CREATE TABLE t (n INTEGER)')
    await client.query("SET search_path = 'public'")
    await named(1)
    await client.query('BEGIN')
    await named(2)
    await add(client, 3)
    await client.query('COMMIT')
    await client.query('BEGIN')
    await named(4)
    await client.query('ROLLBACK')
    const before = (await client.query('SELECT * FROM t ORDER BY id')).rows
    await new Promise((resolve) => setTimeout(resolve, 100))
    await named(5)
    await add(client, 6)
    expect(await model.failOver(50)).toBe(2)
    await model.start()
    const after = await connected()
    expect((await after.query('SELECT * FROM t ORDER BY id')).rows).toEqual(before)
    await after.query('SELECT n FROM apart.t')
    await after.query({ name: 'add', text: 'INSERT INTO t (id) VALUES ($1)', values: [7] })
    expect(await model.failOver(0)).toBe(0)
    await model.start()
    expect(await ids()).toEqual([1, 2, 3, 7])
  })
})

describe('many connections on one engine', () => {
  it('a transaction has it to itself: others wait, for as long as a statement may take', async () => {
    const [one, other] = [await connected(), await connected({ statement_timeout: 100 })]
    await one.query('BEGIN')
    await expect(add(other, 2)).rejects.toMatchObject({ code: '57014' })
    const waiting = add(other, 3)
    await one.query('COMMIT')
    await waiting
    expect(await ids()).toEqual([3])
  })

  it('one that leaves its transaction idle is ended', async () => {
    const client = await connected({ idle_in_transaction_session_timeout: 100 })
    await client.query('BEGIN')
    await add(client, 1)
    const [error] = await once(client, 'error')
    expect(error).toMatchObject({ code: '25P03' })
    expect(await ids()).toEqual([])
  })

  it('statements, settings and names are those of the connection', async () => {
    const [one, other] = [await connected({ application_name: 'one' }), await connected()]
    const prepared = (client: Client, text: string) =>
      client.query({ name: 's', text }).then(({ rows }) => rows)
    await other.query("SET search_path = pg_catalog; SET application_name = 'it\"s'")
    for (let i = 0; i < 2; i++) {
      expect(await prepared(one, 'SELECT 1 AS n')).toEqual([{ n: 1 }])
      expect(await prepared(other, 'SELECT 2 AS n')).toEqual([{ n: 2 }])
      const shown = async (client: Client) =>
        (
          await client.query(
            "SELECT current_setting('search_path') AS p, current_setting('application_name') AS n",
          )
        ).rows[0]
      expect(await shown(one)).toEqual({ p: 'public', n: 'one' })
      expect(await shown(other)).toEqual({ p: 'pg_catalog', n: 'it"s' })
    }
  })

  it('a new one ends the old one of the same name, in a transaction, too', async () => {
    const old = await connected({ application_name: 'same' })
    await old.query('BEGIN')
    await add(old, 1)
    const error = once(old, 'error')
    const young = await connected({ application_name: 'same' })
    const { rows } = await young.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'same' AND pid <> pg_backend_pid()",
    )
    expect(rows).toEqual([{ pg_terminate_backend: true }])
    expect((await error)[0]).toMatchObject({ code: '57P01' })
    expect(await ids()).toEqual([])
  })

  it('says 26000 of a statement that was never prepared, and 3D000 of a database that is not there', async () => {
    const socket = connect(Number(new URL(model.url('')).port), '127.0.0.1')
    socket.write(message('', int32(3 << 16), `user\0relay\0database\0relay\0\0`))
    await once(socket, 'data')
    const none = Buffer.alloc(6)
    socket.write(Buffer.concat([message('B', '\0nope\0', none), message('E', '\0', int32(0)), message('S')]))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    const [error, ready] = [...messagesOf(answer)]
    expect(error?.body.toString()).toContain('C26000\0Mprepared statement "nope" does not exist')
    expect(ready?.type).toBe('Z')
    socket.destroy()
    await expect(connected({ connectionString: model.url('nowhere') })).rejects.toMatchObject({
      code: '3D000',
    })
  })
})

describe('the engine', () => {
  it('goes by the clock of its process, and answers the same to the same', async () => {
    const template = await engineTemplate()
    const run = async () => {
      const engine = await PostgresEngine.create(template)
      const sql =
        'CREATE TABLE t (n SERIAL, at TIMESTAMPTZ DEFAULT now()); INSERT INTO t DEFAULT VALUES; SELECT *, txid_current(), xmin, ctid FROM t'
      return Buffer.from(engine.exec(query(sql), Date.UTC(2030, 1, 3))).toString('latin1')
    }
    const answer = await run()
    expect(answer).toContain('2030-02-03 00:00:00+00')
    expect(await run()).toBe(answer)
    const client = await connected()
    const at = vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2031, 0, 1))
    const { rows } = await client.query('SELECT clock_timestamp() AS at')
    at.mockRestore()
    expect(rows).toEqual([{ at: new Date(Date.UTC(2031, 0, 1)) }])
  })
})

it('is started as the real one is', async () => {
  const server = await startPostgres()
  const client = await connected({ connectionString: await server.createDatabase('another') })
  expect((await client.query('SELECT current_schema() AS name')).rows).toEqual([{ name: 'public' }])
  await server[Symbol.asyncDispose]()
})
