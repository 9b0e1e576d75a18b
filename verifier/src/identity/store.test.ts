import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteDatabase } from '@bgs/shared/db/sqlite.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { identityOf } from '../testing/identity.ts'
import { IdentityCache } from './cache.ts'
import { IdentityStore } from './store.ts'

const NOW_MS = 1_790_000_000_000
const DAY_MS = 24 * 3_600_000

let folder = ''
let database: SqliteDatabase
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'identities-'))
  database = await SqliteDatabase.open(join(folder, 'state.db'))
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

const did = (n: number) => `did:plc:${String(n).padStart(24, 'a')}`

async function save(count: number, startedMs: (n: number) => number): Promise<void> {
  const store = new IdentityStore(database)
  for (let n = 0; n < count; n++)
    store.note({ found: identityOf(did(n), { handle: `${n}.example.com` }), startedMs: startedMs(n) })
  await store.save()
}

describe('D9: identities over a restart', () => {
  it('come back as they were, many pages of them, without those that are too old', async () => {
    await save(3_500, (n) => NOW_MS - (n % 7 === 0 ? DAY_MS + 1 : n))
    const cache = new IdentityCache(10_000_000)
    expect(await new IdentityStore(database).load(cache, 100_000, NOW_MS)).toBe(3_000)
    expect(cache.size).toBe(3_000)
    for (let n = 0; n < 3_500; n++) {
      const found = identityOf(did(n), { handle: `${n}.example.com` })
      expect(cache.get(did(n), NOW_MS)).toEqual(n % 7 === 0 ? undefined : { found, startedMs: NOW_MS - n })
    }
    expect(await database.query('SELECT count(*) AS count FROM identities')).toEqual([{ count: 3_000 }])
  })

  it('the newest ones where they are more than fit', async () => {
    await save(2_500, (n) => NOW_MS - n)
    const cache = new IdentityCache(10_000_000)
    expect(await new IdentityStore(database).load(cache, 1_200, NOW_MS)).toBe(1_200)
    expect(cache.get(did(1_199), NOW_MS)).toBeDefined()
    expect(cache.get(did(1_200), NOW_MS)).toBeUndefined()
  })

  it('none at first; a look-up that began earlier does not replace what is kept', async () => {
    const store = new IdentityStore(database)
    expect(await store.load(new IdentityCache(100_000), 100, NOW_MS)).toBe(0)
    await save(1, () => NOW_MS)
    await save(1, () => NOW_MS - 5)
    const cache = new IdentityCache(100_000)
    await store.load(cache, 100, NOW_MS)
    expect(cache.get(did(0), NOW_MS)?.startedMs).toBe(NOW_MS)
  })
})
