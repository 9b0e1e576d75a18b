import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@bgs/contract/database.ts'
import { FencedError } from '@bgs/contract/database.ts'
import { type Facts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { Random } from '@bgs/simnet/random.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cid, rev } from '../testing/envelopes.ts'
import { View, viewPosition } from '../view.ts'
import type { Account } from './account.ts'
import { State } from './state.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const DIDS = 3_000
const HOSTS = 40
const ENTRIES = 12_000
const LIMIT = 100
const NOW_MS = 1_790_000_000_000

/** What a sequencer might append, told by a seed. */
function history(seed: number): Facts[] {
  const random = new Random(seed)
  return Array.from({ length: ENTRIES }, (_, i) => {
    const host = `pds-${random.int(HOSTS)}.example.com`
    if (random.chance(0.01))
      return {
        ...NO_FACTS,
        host: {
          host: random.chance(0.1) ? '*.example.com' : host,
          epoch: random.int(9),
          banned: random.pick([true, false, null]),
          accountLimit: random.pick([null, random.int(200)]),
        },
      }
    return {
      did: `did:plc:${random.int(DIDS)}`,
      taken: {
        rawGeneration: 1 + random.int(3),
        rawOffset: i,
        host,
        epoch: 1 + random.int(3),
        seq: 2 ** 40 + i,
      },
      moves: random.chance(0.1),
      pdsHost: random.chance(0.05) ? 'account-pds.example.com' : null,
      repo: random.chance(0.8) ? { rev: rev(i), commit: cid(i), data: cid(i + 1) } : null,
      upstream: random.pick([null, null, 'active', 'deleted', 'inactive', 'active:throttled', "odd'$1)"]),
      local: random.pick([
        null,
        null,
        null,
        'takendown',
        'active',
        'throttled',
        'throttled:conduct',
      ] as const),
      digest: random.chance(0.3) ? `${i}` : null,
      discontinuous: random.chance(0.05),
      synced: random.chance(0.2),
      host: null,
      pendingCommit: random.chance(0.05)
        ? { rev: rev(i + 1), commit: cid(i), data: cid(i + 1), block: Uint8Array.of(i & 255, 1, 2) }
        : null,
      untilMs: random.chance(0.05) ? NOW_MS + i : null,
    }
  })
}

/** Applies the history and writes the view at the same moments wherever it runs. */
async function live(database: Database, facts: readonly Facts[], seed: number): Promise<State> {
  const random = new Random(seed + 1)
  const state = new State(database, LIMIT)
  const view = new View(database, state, 1, await viewPosition(database))
  for (let at = 0; at < facts.length; ) {
    const batch = facts.slice(at, at + 1 + random.int(2_000))
    const dids = new Set(batch.map(({ did }) => did).filter((did) => did !== ''))
    const hosts = batch.map(({ taken, host }) => taken?.host ?? host?.host ?? '')
    await state.load(dids, new Set(hosts))
    for (const entry of batch) state.apply(entry, ++at)
    await view.flush(at, NOW_MS)
  }
  return state
}

async function reloaded(database: Database): Promise<(Account | undefined)[]> {
  const state = new State(database, LIMIT)
  const dids = Array.from({ length: DIDS }, (_, i) => `did:plc:${i}`)
  await state.load(new Set(dids), new Set())
  return dids.map((did) => state.account(did))
}

async function dump(database: Database): Promise<unknown[]> {
  return [
    await database.query('SELECT * FROM accounts ORDER BY first_seq'),
    await database.query('SELECT * FROM hosts ORDER BY hostname'),
    await database.query('SELECT * FROM view'),
    await database.query('SELECT * FROM held_commits ORDER BY did'),
    await database.query('SELECT * FROM throttles ORDER BY did'),
    await database.query('SELECT * FROM domains ORDER BY domain'),
  ]
}

describe(`the state in PostgreSQL (TEST_SEED=${SEED})`, () => {
  let folder = ''
  let server: PostgresServer
  let sqlite: SqliteDatabase
  let postgres: PostgresDatabase
  let databases = 0
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sequencer-'))
    sqlite = await SqliteDatabase.open(join(folder, 'state.db'))
    postgres = await PostgresDatabase.open(await server.createDatabase(`state${++databases}`))
  })
  afterEach(async () => {
    await sqlite.close()
    await postgres.close()
    await rm(folder, { recursive: true })
  })

  it('is after the same history what it is in SQLite, and is read back as it was', async () => {
    const facts = history(SEED)
    const state = await live(postgres, facts, SEED)
    await live(sqlite, facts, SEED)
    expect(await dump(postgres)).toEqual(await dump(sqlite))
    const accounts = await reloaded(postgres)
    expect(accounts).toEqual(await reloaded(sqlite))
    for (const account of accounts) {
      if (account === undefined) continue
      // What only the view keeps is not in a packed account.
      const { pendingCommit, untilMs } = account
      expect(account).toEqual({ ...state.account(account.did), pendingCommit, untilMs })
    }
  })

  it('is the same where the server dies and comes back meanwhile (invariant 5)', async () => {
    const facts = history(SEED)
    const random = new Random(SEED)
    const living = live(postgres, facts, SEED)
    for (let i = 0; i < 5; i++) {
      await wait(20 + random.int(100))
      await server.kill()
      await server.start()
    }
    await living
    await live(sqlite, facts, SEED)
    expect(await dump(postgres)).toEqual(await dump(sqlite))
  })

  it('is written by one of two sequencers alone (invariant 6)', async () => {
    const facts = history(SEED).slice(0, 100)
    await live(postgres, facts, SEED)
    const before = await dump(postgres)
    // Woken up after another one of a later generation has gone on.
    const state = new State(postgres, LIMIT)
    const late = new View(postgres, state, 1, 100)
    await new View(postgres, new State(postgres, LIMIT), 2, 100).flush(101, NOW_MS)
    await state.load(new Set(['did:plc:late']), new Set())
    state.apply({ ...NO_FACTS, did: 'did:plc:late' }, 101)
    await expect(late.flush(101, NOW_MS)).rejects.toThrow(FencedError)
    const after = await dump(postgres)
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    expect(after[2]).toMatchObject([{ generation: 2, position: 101 }])
  })
})
