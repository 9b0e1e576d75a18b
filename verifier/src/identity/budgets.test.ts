import { setImmediate as turn } from 'node:timers/promises'
import { Slots } from '@bgs/runtime/net/slots.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RefreshBudget } from './refresh-budget.ts'
import { TokenBucket } from './token-bucket.ts'

describe('D9: a token bucket', () => {
  it('gives its burst at once, then its rate', () => {
    let now = 0
    const bucket = new TokenBucket(10, 3, () => now)
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false])
    expect(bucket.waitMs()).toBe(100)
    now = 99
    expect(bucket.take()).toBe(false)
    now = 100
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
    now = 1e9
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false])
  })

  it('never gives more than burst and rate allow, and a moment after waitMs it gives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 }), { maxLength: 200 }), (steps) => {
        let now = 0
        let taken = 0
        const bucket = new TokenBucket(20, 5, () => now)
        for (const step of steps) {
          now += step
          while (bucket.take()) taken++
          expect(taken).toBeLessThanOrEqual(5 + (now / 1_000) * 20 + 1e-6)
          now += bucket.waitMs() + 1
          expect(bucket.take()).toBe(true)
          taken++
        }
      }),
    )
  })
})

describe('C8, G5, I2: the budget of refetches', () => {
  it('C8: the same cause once a minute, others are not held back by it', () => {
    let now = 0
    const budget = new RefreshBudget(() => now)
    expect(budget.take('h', 'signature a')).toBe(true)
    expect(budget.take('h', 'signature a')).toBe(false)
    expect(budget.take('other', 'signature a')).toBe(false)
    expect(budget.waitMs('h', 'signature a')).toBe(60_000)
    expect(budget.take('h', 'signature b')).toBe(true)
    expect(budget.take('h', 'move a h')).toBe(true)
    now = 59_999
    expect(budget.take('h', 'signature a')).toBe(false)
    now = 60_000
    expect(budget.take('h', 'signature a')).toBe(true)
  })

  it('one host cannot cause more than its bucket, whatever the causes; the next host is not concerned', () => {
    let now = 0
    const budget = new RefreshBudget(() => now)
    const spend = (host: string) => {
      let taken = 0
      for (let i = 0; i < 5_000; i++) if (budget.take(host, `${host} ${now} ${i}`)) taken++
      return taken
    }
    const burst = spend('a')
    expect(burst).toBe(500)
    expect(budget.takeHost('a')).toBe(false)
    expect(budget.waitMs('a', 'new')).toBeGreaterThan(0)
    expect(budget.waitMs('a', 'new')).toBe(budget.hostWaitMs('a'))
    expect(spend('b')).toBe(burst)
    now = 1_000
    expect(spend('a')).toBe(50)
  })

  it('what was refused for the host is not noted as a cause', () => {
    let now = 0
    const budget = new RefreshBudget(() => now)
    while (budget.takeHost('a')) now += 0
    expect(budget.take('a', 'signature x')).toBe(false)
    expect(budget.take('b', 'signature x')).toBe(true)
  })
})

/** Nobody stops waiting. */
const never = new AbortController().signal

describe('slots', () => {
  /** Acquires; says in `got` when it was given. */
  function ask(slots: Slots, got: string[], key: string, name: string) {
    return slots.acquire(key, never).then(() => {
      got.push(name)
    })
  }

  it('bounds one key and the whole; keys are served in turn, each in order', async () => {
    const slots = new Slots(3, 2)
    const got: string[] = []
    const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) =>
      ask(slots, got, name[0] as string, name),
    )
    await turn()
    expect(got).toEqual(['a1', 'a2', 'b1'])
    expect(slots.busy).toBe(3)
    slots.release('b')
    await turn()
    expect(got.slice(3)).toEqual(['b2'])
    slots.release('b')
    await turn()
    expect(got.slice(4)).toEqual(['c1'])
    slots.release('a')
    await turn()
    expect(got.slice(5)).toEqual(['a3'])
    slots.release('a')
    await Promise.all(all)
    expect(got.slice(6)).toEqual(['a4'])
  })

  it('who no longer waits has no place in the line, and gets no slot', async () => {
    const slots = new Slots(1, 1)
    const gone = new AbortController()
    expect(await slots.acquire('a', never)).toBe(true)
    const left = Array.from({ length: 1_000 }, () => slots.acquire('a', gone.signal))
    const next = slots.acquire('b', never)
    expect(slots.waiting).toBe(1_001)
    gone.abort()
    expect(await Promise.all(left)).toEqual(new Array(1_000).fill(false))
    expect(slots.waiting).toBe(1)
    slots.release('a')
    expect(await next).toBe(true)
    expect(await slots.acquire('a', gone.signal)).toBe(false)
  })

  it('whatever the order of calls: never over a bound, and all are served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 3 }), { maxLength: 40 }), async (keys) => {
        const slots = new Slots(4, 2)
        const busy = new Map<number, number>()
        let served = 0
        const work = keys.map(async (key) => {
          await slots.acquire(String(key), never)
          busy.set(key, (busy.get(key) ?? 0) + 1)
          expect(busy.get(key)).toBeLessThanOrEqual(2)
          expect(slots.busy).toBeLessThanOrEqual(4)
          await turn()
          busy.set(key, (busy.get(key) ?? 0) - 1)
          slots.release(String(key))
          served++
        })
        await Promise.all(work)
        expect(served).toBe(keys.length)
        expect(slots.busy).toBe(0)
      }),
      { numRuns: 30 },
    )
  })
})
