import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import type { Database, SqlStep, SqlValue } from '@bgs/contract/database.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Caution } from './caution.ts'
import { CautiousConsumer } from './cautious-consumer.ts'

const ENTRIES = ['a', 'b', 'c', 'd', 'e', 'f']

let database: SqliteDatabase
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  database = await SqliteDatabase.open(':memory:')
})
afterEach(() => {
  vi.useRealTimers()
  return database.close()
})

/** A database that hears nothing more of who has died. */
class MortalMemory implements Database {
  isDead = false

  query<Row>(sql: string, params?: readonly SqlValue[]): Promise<Row[]> {
    return database.query<Row>(sql, params)
  }

  async transaction(steps: readonly SqlStep[]): Promise<number[]> {
    return this.isDead ? [] : database.transaction(steps)
  }

  async close(): Promise<void> {}
}

interface Kind {
  /** Those that need no care. */
  readonly harmless?: readonly string[]
  /** All that there is to read. */
  readonly entries?: readonly string[]
  /** It ends by a fault of its own, which it can note. */
  readonly notes?: 'own' | 'of the machine'
}

/** One life of a process that reads the same entries from their beginning, as after each restart. */
class Life {
  readonly condemned: string[] = []
  readonly faults: unknown[] = []
  readonly done: string[] = []
  readonly handed: string[] = []
  /** How many were handed out at once at most. */
  most = 0
  readonly #topic = new MemoryTopic<string>({ generation: 1, partitions: 2, maxBytes: 1e9 })
  readonly #consumer: CautiousConsumer<string>
  readonly #memory = new MortalMemory()
  readonly #killer: string | undefined
  readonly #entries: readonly string[]
  readonly #notes: Kind['notes']

  constructor(killer?: string, { harmless = [], entries = ENTRIES, notes }: Kind = {}) {
    this.#entries = entries
    this.#killer = killer
    this.#notes = notes
    this.#consumer = new CautiousConsumer({
      consumer: this.#topic.consumer(),
      caution: new Caution(this.#memory),
      keyOf: ({ value }) => (harmless.includes(value) ? undefined : value),
      onCondemned: (value) => this.condemned.push(value),
      onFault: (error) => this.faults.push(error),
      lastsMs: 60_000,
      waitsMs: 60_000,
      aloneWaitsMs: 60_000,
    })
  }

  /** Reads all there is; resolves to the entry that it died over. */
  async live(): Promise<string | undefined> {
    const offer = this.#topic.producer<string>((value) => this.done.push(value))
    await this.#consumer.begin('raw')
    for (const [i, value] of this.#entries.entries()) offer.publish(i % 2, value, 1, value)
    let died: string | undefined
    await until('the end of this life', () => {
      const entries = this.#consumer.poll(100)
      this.most = Math.max(this.most, entries.length)
      for (const entry of entries) {
        this.handed.push(entry.value)
        // It takes down all that is in its hands.
        if (entry.value === this.#killer) died = entry.value
        if (died !== undefined) return true
        this.#consumer.done(entry)
      }
      return this.done.length === this.#entries.length
    })
    if (died !== undefined && this.#notes !== undefined) await this.#consumer.noteFault(this.#notes === 'own')
    this.#memory.isDead = died !== undefined
    return died
  }

  end(): Promise<void> {
    return this.#consumer.ended(['raw'])
  }
}

describe('invariant 14: an entry that ends whoever takes it', () => {
  it('is stepped over after two died over it alone and noted it; all others come, in order', async () => {
    const most: number[] = []
    for (let death = 1; death <= 6; death++) {
      const life = new Life('c', { notes: 'own' })
      expect(await life.live()).toBe('c')
      expect(life.condemned).toEqual([])
      most.push(life.most)
    }
    // One blind life; three in which it is among others; two in which it is alone.
    expect(most).toEqual([6, 6, 6, 6, 2, 2])
    const life = new Life('c')
    expect(await life.live()).toBeUndefined()
    expect(life.condemned).toEqual(['c'])
    expect(life.handed).toEqual(['a', 'b', 'd', 'e', 'f'])
    // Met again, it is known.
    const next = new Life('c')
    expect(await next.live()).toBeUndefined()
    expect(next.condemned).toEqual(['c'])
  })

  it('is stepped over after the third death, where nothing else is in hand', async () => {
    const alone = { entries: ['c'], notes: 'own' } as const
    for (let death = 1; death <= 3; death++) expect(await new Life('c', alone).live()).toBe('c')
    const life = new Life('c', alone)
    expect(await life.live()).toBeUndefined()
    expect(life.condemned).toEqual(['c'])
  })

  it('is not stepped over where a disk or a server was what failed, however often', async () => {
    for (let deaths = 0; deaths < 20; deaths++) {
      vi.setSystemTime(deaths * 60_000)
      const life = new Life('c', { entries: ['c'], notes: 'of the machine' })
      expect(await life.live()).toBe('c')
    }
  })

  it('a partition that is given up and comes back is read as whoever begins then has to', async () => {
    const topic = new MemoryTopic<string>({ generation: 1, partitions: 1, maxBytes: 1e9 })
    const offer = topic.producer<string>(() => undefined)
    const caution = new Caution(database)
    await caution.begin('raw/0')
    await caution.noteFault(['raw/0'], [], false)
    const consumer = new CautiousConsumer({
      consumer: topic.consumer(),
      caution,
      keyOf: ({ value }) => value,
      onCondemned: (value) => expect.unreachable(value),
      onFault: (error) => expect.unreachable(String(error)),
    })
    await consumer.begin('raw/0', 0)
    await consumer.ended(['raw/0'])
    await consumer.begin('raw/0', 0)
    offer.publish(0, 'a', 1, 'a')
    expect(consumer.poll(10)).toHaveLength(1)
    await consumer.ended(['raw/0'])
  })

  it('is stepped over, too, where five were killed over it alone, after two minutes of that', async () => {
    let deaths = 0
    const most: number[] = []
    for (; deaths < 30; deaths++) {
      vi.setSystemTime(deaths * 25_000)
      const life = new Life('c')
      if ((await life.live()) === undefined) break
      most.push(life.most)
    }
    // For two minutes nothing is marked, for two more that is no evidence; then it goes alone.
    expect(most).toEqual([6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 1, 2, 2, 2, 2])
  })

  it('is not stepped over where all were killed in a short time: then it was somebody else', async () => {
    vi.setSystemTime(0)
    for (let deaths = 0; deaths < 20; deaths++) {
      const life = new Life('c')
      expect(await life.live()).toBe('c')
      expect(life.most).toBe(6)
    }
    const last = new Life()
    await last.live()
    expect(last.done).toEqual(ENTRIES)
    expect(last.condemned).toEqual([])
  })

  it('nothing is stepped over for what is killed from outside, each time somewhere else', async () => {
    for (let life = 0; life < 12; life++) {
      vi.setSystemTime(life * 60_000)
      const one = new Life(ENTRIES[life % ENTRIES.length])
      await one.live()
      expect(one.condemned).toEqual([])
    }
    const last = new Life()
    expect(await last.live()).toBeUndefined()
    expect(last.done).toEqual(ENTRIES)
  })

  it('what needs no care is handed out at once, and ahead of what is marked', async () => {
    for (let death = 0; death < 3; death++) await new Life('c', { notes: 'own' }).live()
    const life = new Life('c', { harmless: ['f'] })
    await life.live()
    expect(life.handed).toEqual(['f', 'a', 'b', 'c'])
  })

  it('who ends as it should leaves no care behind', async () => {
    for (let i = 0; i < 10; i++) {
      const life = new Life()
      await life.live()
      expect(life.most).toBe(ENTRIES.length)
      await life.end()
    }
  })

  it('invariant 3: when care ends nothing is handed out before what still waits', async () => {
    const topic = new MemoryTopic<string>({ generation: 1, partitions: 1, maxBytes: 1e9 })
    const offer = topic.producer<string>(() => undefined)
    const publish = (value: string) => offer.publish(0, value, 1, value)
    const caution = new Caution(database)
    await caution.begin('raw')
    await caution.mark(['a'], false)
    // So many died over it that it is handed out alone, and the others wait.
    for (let death = 0; death < 3; death++) await caution.noteFault(['raw'], ['a'], false)
    let hasLasted = false
    const consumer = new CautiousConsumer({
      consumer: topic.consumer(),
      caution: Object.assign(new Caution(database), {
        lasted: async () => {
          hasLasted = true
        },
      }),
      keyOf: ({ value }) => value,
      onCondemned: (value) => expect.unreachable(value),
      onFault: (error) => expect.unreachable(String(error)),
      lastsMs: 5,
      waitsMs: 60_000,
      aloneWaitsMs: 60_000,
    })
    await consumer.begin('raw')
    const values = ['a', 'b', 'c', 'd']
    for (const value of values) publish(value)
    const handed: BusEntry<string>[] = []
    const poll = () => handed.push(...consumer.poll(100))
    await until('the first is handed out', () => poll() === 1)
    await until('care has ended', () => hasLasted)
    publish('e')
    expect(poll()).toBe(1)
    consumer.done(handed[0] as BusEntry<string>)
    await until('all are handed out', () => poll() === 5)
    expect(handed.map(({ value }) => value)).toEqual([...values, 'e'])
  })
})
