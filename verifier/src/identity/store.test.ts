import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { identityOf } from '../testing/identity.ts'
import { IdentityCache } from './cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import { IdentityStore } from './store.ts'

const DAY_MS = 24 * 3_600_000
/** No entry from before this process is taken to be younger. */
const MIN_AGE_MS = 60_000

/** Monotonic, as all times of look-ups are; what comes back from the database is as right as two clocks are read together. */
const NOW_MS = monotonicMs()
const near = (entry: CacheEntry | undefined, ageMs: number) =>
  entry !== undefined && Math.abs(entry.startedMs - (NOW_MS - ageMs)) < 1_000

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
    await save(3_500, (n) => NOW_MS - (n % 7 === 0 ? DAY_MS + 1 : MIN_AGE_MS + n))
    const cache = new IdentityCache(10_000_000)
    expect(await new IdentityStore(database).load(cache, 100_000)).toBe(3_000)
    expect(cache.size).toBe(3_000)
    for (let n = 0; n < 3_500; n++) {
      const found = identityOf(did(n), { handle: `${n}.example.com` })
      const entry = cache.get(did(n), monotonicMs())
      if (n % 7 === 0) expect(entry).toBeUndefined()
      else expect([entry?.found, near(entry, MIN_AGE_MS + n)]).toEqual([found, true])
    }
    expect(await database.query('SELECT count(*) AS count FROM identities')).toEqual([{ count: 3_000 }])
  })

  it('the newest ones where they are more than fit', async () => {
    await save(2_500, (n) => NOW_MS - n)
    const cache = new IdentityCache(10_000_000)
    expect(await new IdentityStore(database).load(cache, 1_200)).toBe(1_200)
    expect(cache.get(did(1_199), monotonicMs())).toBeDefined()
    expect(cache.get(did(1_200), monotonicMs())).toBeUndefined()
  })

  it('none at first; a look-up that began earlier does not replace what is kept', async () => {
    const store = new IdentityStore(database)
    expect(await store.load(new IdentityCache(100_000), 100)).toBe(0)
    await save(1, () => NOW_MS - MIN_AGE_MS - 100)
    await save(1, () => NOW_MS - MIN_AGE_MS - 200)
    const cache = new IdentityCache(100_000)
    await store.load(cache, 100)
    expect(near(cache.get(did(0), monotonicMs()), MIN_AGE_MS + 100)).toBe(true)
  })

  it.each([0, -3_600_000])(
    'A-1: are never young again, with a clock that was set by %i ms',
    async (setMs) => {
      await save(1, () => NOW_MS)
      const back = Date.now() + setMs
      vi.spyOn(Date, 'now').mockReturnValue(back)
      const cache = new IdentityCache(100_000)
      try {
        expect(await new IdentityStore(database).load(cache, 100)).toBe(1)
      } finally {
        vi.restoreAllMocks()
      }
      expect(cache.get(did(0), monotonicMs())?.startedMs).toBeLessThanOrEqual(monotonicMs() - MIN_AGE_MS)
    },
  )
})
