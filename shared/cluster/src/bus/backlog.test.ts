import { describe, expect, it } from 'vitest'
import { Backlog } from './backlog.ts'

/** A topic of two partitions as a broker tells of it. */
function backlog(maxBytes: number, segmentBytes = 1_000) {
  const records: number[][] = [[], []]
  const state = { consumed: new Map<number, number>(), removed: [0, 0], tells: true, samples: 0 }
  const bytesOf = (partition: number, from: number) =>
    (records[partition] ?? []).slice(from).reduce((sum, bytes) => sum + bytes, 0)
  const under = new Backlog({
    maxBytes,
    segmentBytes,
    ends: async () => new Map(records.map(({ length }, partition) => [partition, length])),
    sizes: async () =>
      state.tells
        ? new Map(
            records.map((_, partition) => [partition, bytesOf(partition, state.removed[partition] ?? 0)]),
          )
        : undefined,
    consumed: async () => state.consumed,
    sample: async (partition, offset) => {
      state.samples++
      return records[partition]?.[offset] ?? 0
    },
  })
  const append = (partition: number, ...sizes: number[]) => void records[partition]?.push(...sizes)
  const own = (partition: number, bytes: number) => {
    append(partition, bytes)
    under.noteAppended(partition, (records[partition]?.length ?? 0) - 1, bytes)
  }
  const waiting = () => bytesOf(0, state.consumed.get(0) ?? 0) + bytesOf(1, state.consumed.get(1) ?? 0)
  return { state, under, append, own, waiting }
}

describe('the backlog', () => {
  it('closes at its bound by what was appended here, and opens when that is consumed (invariant 12)', async () => {
    const { state, under, own } = backlog(1_000)
    await under.look()
    for (let i = 0; i < 10; i++) {
      expect(under.full()).toBeUndefined()
      own(i % 2, 100)
    }
    let open = false
    const room = under.full()?.then(() => {
      open = true
    })
    await under.look()
    expect([open, under.bytes]).toEqual([false, 1_000])
    state.consumed = new Map([
      [0, 1],
      [1, 1],
    ])
    await under.look()
    await room
    expect([open, under.bytes]).toEqual([true, 800])
    expect(under.full()).toBeUndefined()
  })

  it('is exact about what others append, however much their records differ', async () => {
    const { state, under, append, own, waiting } = backlog(1e12)
    await under.look()
    for (let round = 0; round < 50; round++) {
      append(0, 3, 900_000)
      append(1, ...new Array<number>(200).fill(10))
      own(0, 70)
      await under.look()
      expect(under.bytes).toBe(waiting())
    }
    expect(state.samples, 'nothing was guessed').toBe(0)
    // Consumed, and removed a segment at a time: what is consumed counts no more, whatever the files still hold.
    for (const offset of [30, 60, 90, 150]) {
      state.consumed.set(0, offset)
      state.consumed.set(1, offset * 60)
      await under.look()
      expect(under.bytes).toBe(waiting())
      state.removed = [offset - 3, offset * 60]
      await under.look()
      expect(under.bytes).toBe(waiting())
    }
  })

  it('knows what waited before it began to within one file of each partition', async () => {
    const { under, append, waiting } = backlog(1e12, 5_000_000)
    for (let i = 0; i < 300; i++) append(i % 2, ...new Array<number>(100).fill(12), 400_000)
    await under.look()
    expect(Math.abs(under.bytes - waiting())).toBeLessThanOrEqual(10_000_000)
    expect(waiting()).toBeGreaterThan(100_000_000)
  })

  it('reckons by many samples where brokers tell no sizes', async () => {
    const { state, under, append, waiting } = backlog(1e12)
    state.tells = false
    for (let i = 0; i < 500; i++) append(i % 2, 10, 1_000)
    for (let i = 0; i < 200; i++) await under.look()
    expect(under.bytes).toBeGreaterThan(waiting() * 0.6)
    expect(under.bytes).toBeLessThan(waiting() * 1.5)
  })

  it('remembers little of a topic that waits for long, and forgets what is consumed', async () => {
    const { state, under, append, waiting } = backlog(1e12)
    await under.look()
    for (let i = 1; i <= 3_000; i++) {
      append(0, i % 7, 3)
      await under.look()
    }
    expect(under.bytes).toBe(waiting())
    state.consumed = new Map([[0, 3_001]])
    await under.look()
    expect(Math.abs(under.bytes - waiting())).toBeLessThan(waiting() * 0.02)
    state.consumed = new Map([[0, 6_000]])
    await under.look()
    expect(under.bytes).toBe(0)
  })
})
