import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Caution, isGuilty } from './caution.ts'

let server: PostgresServer
let database: PostgresDatabase
beforeAll(async () => {
  server = await startPostgres()
  database = await PostgresDatabase.open(await server.createDatabase('caution'))
})
afterAll(async () => {
  await database.close()
  await server[Symbol.asyncDispose]()
})

it('invariant 14: PostgreSQL remembers ends, marks and faults, of many entries at once', async () => {
  const caution = new Caution(database)
  const entries = Array.from({ length: 1_500 }, (_, i) => `raw 1 0 ${i}`)
  expect(await caution.begin('raw/0')).toBe(false)
  await caution.mark(entries, false)
  await caution.noteFault(['raw/0'], entries.slice(0, 2), false)
  expect(await caution.begin('raw/0')).toBe(true)
  await caution.mark(entries.slice(0, 1), true)
  await caution.noteFault(['raw/0'], entries.slice(0, 1), true)
  const suspects = await caution.suspects()
  expect(suspects.size).toBe(entries.length)
  expect(suspects.get('raw 1 0 0')).toMatchObject({ marks: 2, faults: 2, alone: 2 })
  expect(suspects.get('raw 1 0 1')).toMatchObject({ marks: 1, faults: 1, alone: 0 })
  const guilty = [...suspects].filter(([, suspect]) => isGuilty(suspect, Date.now()))
  expect(guilty.map(([entry]) => entry)).toEqual(['raw 1 0 0'])
  await caution.noteHarmless('raw 1 0 0')
  await caution.clear(entries.slice(1))
  expect([...(await caution.suspects())]).toMatchObject([['raw 1 0 0', { alone: 0, faults: 2 }]])
  await caution.lasted(['raw/0'])
  expect(await caution.begin('raw/0')).toBe(false)
  // One that had lasted fails: whoever is next goes with care.
  await caution.lasted(['raw/0'])
  await caution.noteFault(['raw/0'], [], false)
  expect(await caution.begin('raw/0')).toBe(true)
})
