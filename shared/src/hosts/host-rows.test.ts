import { beforeEach, describe, expect, it } from 'vitest'
import { SqliteDatabase } from '../db/sqlite.ts'
import { domainsOf, isInDomains } from './domains.ts'
import { askForHost, findHost, TRUSTED_ACCOUNT_LIMIT } from './host-rows.ts'

let database: SqliteDatabase
beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
  return () => database.close()
})

const ask = (trusted: boolean) =>
  askForHost(database, { hostname: 'a.com', trusted, accountLimit: 100, source: 'setting', nowMs: 5 })
const limit = async () => Number((await findHost(database, 'a.com'))?.account_limit)

describe('H8, H9: trust', () => {
  it('brings the larger limit when it is given; a limit set since then stays, over every start', async () => {
    await ask(false)
    expect(await limit()).toBe(100)
    await ask(true)
    expect(await limit()).toBe(TRUSTED_ACCOUNT_LIMIT)
    await database.transaction([{ sql: 'UPDATE hosts SET account_limit = 7', rows: [[]] }])
    await ask(true)
    expect(await limit()).toBe(7)
    await ask(false)
    expect(await findHost(database, 'a.com')).toMatchObject({ trusted: 1, account_limit: 7, asked_ms: 5 })
  })
})

describe('domains', () => {
  it('those above a name, and patterns for a name or all under it', () => {
    expect(domainsOf('a.b.com')).toEqual(['a.b.com', 'b.com', 'com'])
    expect(domainsOf('localhost:2583')).toEqual(['localhost:2583', 'localhost'])
    expect(isInDomains('a.b.com', ['*.b.com'])).toBe(true)
    expect(isInDomains('b.com', ['*.b.com'])).toBe(false)
    expect(isInDomains('b.com', ['b.com'])).toBe(true)
    expect(isInDomains('notb.com', ['*.b.com', 'b.com'])).toBe(false)
  })
})
