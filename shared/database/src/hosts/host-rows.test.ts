import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { SqliteDatabase } from '../sqlite.ts'
import { domainsOf, isInDomains } from './domains.ts'
import {
  askForHost,
  findHost,
  hasPlaceToday,
  hostsMetToday,
  meetHost,
  TRUSTED_ACCOUNT_LIMIT,
} from './host-rows.ts'
import { trustHost } from './trust-host.ts'

let database: SqliteDatabase
beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
  return () => database.close()
})

const ask = (trusted: boolean) =>
  askForHost(database, { hostname: 'a.com', trusted, accountLimit: 100, source: 'setting', nowMs: 5 })
const limit = async () => Number((await findHost(database, 'a.com'))?.account_limit)

describe('H8, H9: trust', () => {
  const sent: ControlMessage[] = []
  const trust = async () => {
    const host = { hostname: 'a.com', accountLimit: 100, source: 'setting', nowMs: 5 } as const
    await trustHost(database, host, async (message) => {
      sent.push(message)
      // As the view does when the sequencer has heard of it.
      await setLimit(TRUSTED_ACCOUNT_LIMIT)
    })
  }
  const setLimit = (to: number) =>
    database.transaction([{ sql: 'UPDATE hosts SET account_limit = $1', rows: [[to]] }])
  beforeEach(() => sent.splice(0))

  it('brings the larger limit when it is given, which is told; a limit set since then stays, over every start', async () => {
    await ask(false)
    expect(await limit()).toBe(100)
    await trust()
    expect(sent).toEqual([{ kind: 'host-limit', host: 'a.com', accountLimit: TRUSTED_ACCOUNT_LIMIT }])
    await setLimit(7)
    await trust()
    expect(await limit()).toBe(7)
    await ask(false)
    expect(await findHost(database, 'a.com')).toMatchObject({ trusted: 1, account_limit: 7, asked_ms: 5 })
    expect(sent).toHaveLength(1)
  })

  it('H5: makes no relay an ordinary host, whose word on others would be believed', async () => {
    const host = { hostname: 'a.com', accountLimit: 100, source: 'setting', nowMs: 5 } as const
    await trustHost(database, { ...host, upstream: true }, async () => undefined)
    await trust()
    expect(await findHost(database, 'a.com')).toMatchObject({ upstream: 1 })
  })

  it('gives a new host its limit, of which nobody has to be told', async () => {
    await trust()
    expect(await limit()).toBe(TRUSTED_ACCOUNT_LIMIT)
    expect(sent).toEqual([])
  })

  it('is not there until the sequencer was told: whoever dies before tells again', async () => {
    await ask(false)
    const host = { hostname: 'a.com', accountLimit: 100, source: 'setting', nowMs: 5 } as const
    const dies = trustHost(database, host, () => Promise.reject(new Error('gone')))
    await expect(dies).rejects.toThrow('gone')
    expect(await findHost(database, 'a.com')).toMatchObject({ trusted: 0, account_limit: 100 })
    await trust()
    expect(sent).toHaveLength(1)
  })
})

describe('H6: hosts that are met on a day', () => {
  const meet = (hostname: string, change = {}) =>
    meetHost(
      database,
      { hostname, trusted: false, accountLimit: 100, source: 'request', nowMs: 86_400_000, ...change },
      20,
    )

  it('one domain has a fifth of the places; trusted ones take none, and always have one', async () => {
    for (let i = 0; i < 4; i++) expect(await meet(`h${i}.evil.com`)).toBe(true)
    expect(await meet('h4.evil.com')).toBe(false)
    expect(await hasPlaceToday(database, 'h5.evil.com', 20, 86_400_000)).toBe(false)
    for (let i = 0; i < 16; i++) expect(await meet(`pds.example${i}.com`)).toBe(true)
    expect(await meet('pds.late.com')).toBe(false)
    expect(await hasPlaceToday(database, 'pds.late.com', 20, 86_400_000)).toBe(false)
    expect(await meet('pds.trusted.com', { trusted: true })).toBe(true)
    expect(await hostsMetToday(database, 86_400_000)).toBe(20)
    // Refused ones left nothing behind, and the next day has places again.
    expect(await findHost(database, 'pds.late.com')).toBeUndefined()
    expect(await meet('pds.late.com', { nowMs: 2 * 86_400_000 })).toBe(true)
    expect(await database.query('SELECT DISTINCT day FROM met_domains')).toEqual([{ day: 2 }])
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
