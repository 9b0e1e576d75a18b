import { describe, expect, it } from 'vitest'
import { identityOf } from '../testing/identity.ts'
import { IdentityCache } from './cache.ts'

const DAY = 24 * 3_600_000

describe('D8: what is cached', () => {
  it('a document is believed for 24 hours, a conclusive failure for two minutes', () => {
    const cache = new IdentityCache(100_000)
    cache.put('a', { found: identityOf('a'), startedMs: 1_000 })
    cache.put('b', { found: 'identity-not-found', startedMs: 1_000 })
    expect(cache.get('a', 1_000 + DAY - 1)?.startedMs).toBe(1_000)
    expect(cache.get('a', 1_000 + DAY)).toBeUndefined()
    expect(cache.get('b', 1_000 + 120_000 - 1)?.found).toBe('identity-not-found')
    expect(cache.get('b', 1_000 + 120_000)).toBeUndefined()
    expect(cache.get('c', 0)).toBeUndefined()
  })

  it('a look-up that began earlier never replaces one that began later, in whichever order they end', () => {
    const cache = new IdentityCache(100_000)
    cache.put('a', { found: identityOf('a', { pdsHost: 'new.example.com' }), startedMs: 20 })
    cache.put('a', { found: identityOf('a', { pdsHost: 'old.example.com' }), startedMs: 10 })
    cache.put('a', { found: 'identity-not-found', startedMs: 19 })
    expect(cache.get('a', 30)?.found).toMatchObject({ pdsHost: 'new.example.com' })
    cache.put('a', { found: identityOf('a', { pdsHost: 'newer.example.com' }), startedMs: 21 })
    expect(cache.get('a', 30)?.found).toMatchObject({ pdsHost: 'newer.example.com' })
  })

  it('is bounded, and what is used stays, with no older one in its place', () => {
    const cache = new IdentityCache(20_000)
    cache.put('used', { found: identityOf('used', { pdsHost: 'new.example.com' }), startedMs: 20 })
    for (let i = 0; i < 5_000; i++) {
      cache.put(`did-${i}`, { found: 'identity-not-found', startedMs: 0 })
      cache.put('used', { found: identityOf('used', { pdsHost: 'old.example.com' }), startedMs: 10 })
      expect(cache.get('used', 30)?.found).toMatchObject({ pdsHost: 'new.example.com' })
    }
    expect(cache.size).toBeLessThan(500)
    expect(cache.get('did-0', 1)).toBeUndefined()
    expect(cache.get('did-4999', 1)).toBeDefined()
  })

  it('forgets those that it is told to', () => {
    const cache = new IdentityCache(100_000)
    for (const did of ['a', 'b', 'c']) cache.put(did, { found: identityOf(did), startedMs: 1 })
    cache.drop((did) => did !== 'b')
    expect(['a', 'b', 'c'].map((did) => cache.get(did, 2) !== undefined)).toEqual([false, true, false])
  })
})
