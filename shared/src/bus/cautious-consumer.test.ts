import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteDatabase } from '../db/sqlite.ts'
import { until } from '../testing/until.ts'
import { Caution } from './caution.ts'
import { CautiousConsumer } from './cautious-consumer.ts'
import { MemoryTopic } from './memory-topic.ts'

const ENTRIES = ['a', 'b', 'c', 'd', 'e', 'f']

let database: SqliteDatabase
beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
})
afterEach(() => database.close())

/** One life of a process that reads the same entries from their beginning, as after each restart. */
class Life {
  readonly condemned: string[] = []
  readonly done: string[] = []
  readonly handed: string[] = []
  /** How many were handed out at once at most. */
  most = 0
  readonly #topic = new MemoryTopic<string>({ generation: 1, partitions: 2, maxBytes: 1e9 })
  readonly #consumer: CautiousConsumer<string>

  readonly #killer: string | undefined

  constructor(killer?: string) {
    this.#killer = killer
    this.#consumer = new CautiousConsumer({
      consumer: this.#topic.consumer(),
      caution: new Caution(database),
      keyOf: ({ value }) => value,
      onCondemned: (value) => this.condemned.push(value),
      onFault: (error) => expect.unreachable(String(error)),
      lastsMs: 60_000,
      harmlessMs: 60_000,
    })
  }

  /** Reads all there is; resolves to the entry that it died over. */
  async live(): Promise<string | undefined> {
    const offer = this.#topic.producer<string>((value) => this.done.push(value))
    await this.#consumer.begin('raw')
    for (const [i, value] of ENTRIES.entries()) offer.publish(i % 2, value, 1, value)
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
      return this.done.length === ENTRIES.length
    })
    return died
  }

  end(): Promise<void> {
    return this.#consumer.ended(['raw'])
  }
}

describe('invariant 14: an entry that ends whoever takes it', () => {
  it('is stepped over after four died over it, kept and told of; all others come, in order', async () => {
    const most: number[] = []
    for (let death = 1; death <= 5; death++) {
      const life = new Life('c')
      expect(await life.live()).toBe('c')
      expect(life.condemned).toEqual([])
      most.push(life.most)
    }
    // One blind life; two in which it is marked among others; two in which it is alone.
    expect(most).toEqual([6, 6, 6, 1, 2])
    const life = new Life('c')
    expect(await life.live()).toBeUndefined()
    expect(life.condemned).toEqual(['c'])
    expect(life.handed).toEqual(['a', 'b', 'd', 'e', 'f'])
    // Met again, it is known.
    const next = new Life('c')
    expect(await next.live()).toBeUndefined()
    expect(next.condemned).toEqual(['c'])
  })

  it('nothing is stepped over for what is killed from outside, each time somewhere else', async () => {
    for (let life = 0; life < 12; life++) {
      const one = new Life(ENTRIES[life % ENTRIES.length])
      await one.live()
      expect(one.condemned).toEqual([])
    }
    const last = new Life()
    expect(await last.live()).toBeUndefined()
    expect(last.done).toEqual(ENTRIES)
  })

  it('who ends as it should leaves no care behind', async () => {
    for (let i = 0; i < 10; i++) {
      const life = new Life()
      await life.live()
      expect(life.most).toBe(ENTRIES.length)
      await life.end()
    }
  })

  it('invariant 3: when care ends nothing is handed out before what still waits of its partition', async () => {
    const topic = new MemoryTopic<string>({ generation: 1, partitions: 2, maxBytes: 1e9 })
    const offer = topic.producer<string>(() => undefined)
    const publish = (value: string, partition: number) => offer.publish(partition, value, 1, value)
    const caution = new Caution(database)
    for (let begun = 0; begun < 4; begun++) await caution.begin('raw')
    // Two died over it: it is handed out alone, and the others wait.
    for (let death = 0; death < 3; death++) await caution.mark(['a'])
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
      harmlessMs: 60_000,
    })
    await consumer.begin('raw')
    const values = ['a', 'b', 'c', 'd']
    for (const value of values) publish(value, 0)
    const handed: string[] = []
    const poll = () => {
      handed.push(...consumer.poll(100).map(({ value }) => value))
      return handed.length
    }
    await until('the first is handed out', () => poll() === 1)
    await until('care has ended', () => hasLasted)
    publish('e', 0)
    publish('other', 1)
    await until('all are handed out', () => poll() === 6)
    expect(handed.filter((value) => value !== 'other')).toEqual([...values, 'e'])
  })
})
