import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MemoryTopic } from './memory-topic.ts'

function topic(maxBytes = 1_000_000): MemoryTopic<number> {
  return new MemoryTopic<number>({ generation: 3, partitions: 4, maxBytes })
}

describe('a topic in memory', () => {
  it('hands each record over once, each partition in publish order, and says once what is safe (invariant 3)', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const), partition: fc.nat(3) }),
      fc.record({ kind: fc.constant('poll' as const), limit: fc.nat(5) }),
      fc.record({ kind: fc.constant('done' as const), which: fc.nat(1_000) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const bus = topic()
        const safe: number[] = []
        const producer = bus.producer<number>((token) => safe.push(token))
        const consumer = bus.consumer()
        expect(consumer.generation).toBe(3)
        const published: number[][] = [[], [], [], []]
        const taken: number[][] = [[], [], [], []]
        const positions = [0, 0, 0, 0]
        const open: BusEntry<number>[] = []
        const finished: number[] = []
        let value = 0
        for (const action of steps) {
          if (action.kind === 'publish') {
            producer.publish(action.partition, ++value, 10, value)
            published[action.partition]?.push(value)
          } else if (action.kind === 'poll') {
            const entries = consumer.poll(action.limit)
            expect(entries.length).toBeLessThanOrEqual(action.limit)
            for (const entry of entries) {
              expect(entry.position).toBe((positions[entry.partition] as number) + 1)
              positions[entry.partition] = entry.position
              taken[entry.partition]?.push(entry.value)
              open.push(entry)
            }
          } else if (open.length > 0) {
            const [entry] = open.splice(action.which % open.length, 1)
            consumer.done(entry as BusEntry<number>)
            finished.push((entry as BusEntry<number>).value)
          }
          expect(safe).toEqual(finished)
          expect([bus.pendingRecords, bus.pendingBytes]).toEqual([
            value - safe.length,
            10 * (value - safe.length),
          ])
        }
        for (const entry of consumer.poll(1_000)) taken[entry.partition]?.push(entry.value)
        expect(taken).toEqual(published)
      }),
    )
  })

  it('has no room from its bound on, and again well below it (invariant 12)', async () => {
    const bus = topic(100)
    const producer = bus.producer<null>(() => undefined)
    const consumer = bus.consumer()
    for (let i = 0; i < 10; i++) {
      expect(producer.room()).toBeUndefined()
      producer.publish(0, i, 10, null)
    }
    let open = false
    const room = producer.room()?.then(() => {
      open = true
    })
    const entries = consumer.poll(10)
    for (const entry of entries.slice(0, 2)) consumer.done(entry)
    await Promise.resolve()
    expect(open, 'at four fifths it waits on').toBe(false)
    consumer.done(entries[2] as BusEntry<number>)
    await room
    expect(open).toBe(true)
    expect(producer.room()).toBeUndefined()
  })

  it('has no room, either, while too much of it was not taken; what was taken and waits stops nobody', async () => {
    const bus = new MemoryTopic<number>({ generation: 3, partitions: 1, maxBytes: 100, maxQueuedBytes: 40 })
    const producer = bus.producer<null>(() => undefined)
    const consumer = bus.consumer()
    for (let i = 0; i < 4; i++) producer.publish(0, i, 10, null)
    const room = producer.room()
    expect(room).toBeInstanceOf(Promise)
    expect(consumer.poll(2)).toHaveLength(2)
    await room
    expect(producer.room()).toBeUndefined()
    consumer.poll(2)
    for (let i = 0; i < 3; i++) producer.publish(0, i, 10, null)
    expect(bus.pendingBytes).toBe(70)
    expect(producer.room()).toBeUndefined()
  })

  it('calls when there is something after there was nothing, and not for what follows', () => {
    const bus = topic()
    const producer = bus.producer<null>(() => undefined)
    const consumer = bus.consumer()
    let calls = 0
    consumer.onAvailable(() => calls++)
    producer.publish(0, 1, 1, null)
    producer.publish(1, 2, 1, null)
    expect(calls).toBe(1)
    consumer.poll(1)
    producer.publish(1, 3, 1, null)
    expect(calls).toBe(1)
    expect(consumer.poll(10)).toHaveLength(2)
    producer.publish(2, 4, 1, null)
    expect(calls).toBe(2)
  })

  describe('that lets records come several at a time', () => {
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())
    const LINGER_MS = 20

    function lingering() {
      const bus = new MemoryTopic<number>({
        generation: 3,
        partitions: 1,
        maxBytes: 1_000_000,
        lingerMs: LINGER_MS,
      })
      const producer = bus.producer<null>(() => undefined)
      const consumer = bus.consumer()
      const calls = vi.fn<() => void>()
      consumer.onAvailable(calls)
      const publish = (count: number) => {
        for (let i = 0; i < count; i++) producer.publish(0, i, 1, null)
      }
      return { consumer, calls, publish }
    }

    it('after a quiet time the first one is due at once', () => {
      const { consumer, calls, publish } = lingering()
      vi.advanceTimersByTime(1_000)
      publish(1)
      expect(calls).toHaveBeenCalledTimes(1)
      expect(consumer.poll(10)).toHaveLength(1)
    })

    it('those that come soon after a take wait together, counted from that take', () => {
      const { consumer, calls, publish } = lingering()
      publish(1)
      consumer.poll(10)
      vi.advanceTimersByTime(12)
      publish(1)
      vi.advanceTimersByTime(7)
      publish(1)
      expect(consumer.poll(10), 'whoever asks meanwhile gets none of them').toEqual([])
      expect(calls).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(1)
      expect(calls).toHaveBeenCalledTimes(2)
      expect(consumer.poll(10)).toHaveLength(2)
    })

    it('enough of them wait for nothing', () => {
      const { consumer, calls, publish } = lingering()
      publish(1)
      consumer.poll(10)
      publish(15)
      expect(calls).toHaveBeenCalledTimes(1)
      publish(1)
      expect(calls).toHaveBeenCalledTimes(2)
      publish(1)
      expect(consumer.poll(100)).toHaveLength(17)
      expect(vi.getTimerCount(), 'nothing is left of the wait').toBe(0)
    })

    it('what is left of a take waits for nothing, either', () => {
      const { consumer, publish } = lingering()
      publish(1)
      consumer.poll(10)
      publish(16)
      expect(consumer.poll(10)).toHaveLength(10)
      expect(consumer.poll(10)).toHaveLength(6)
      expect(consumer.poll(10)).toEqual([])
    })
  })

  it('keeps its order over thousands of records that are taken bit by bit', () => {
    const bus = topic()
    const producer = bus.producer<null>(() => undefined)
    const consumer = bus.consumer()
    const seen: number[] = []
    for (let i = 0; i < 20_000; i++) {
      producer.publish(0, i, 1, null)
      if (i % 3 === 0) seen.push(...consumer.poll(2).map(({ value }) => value))
    }
    seen.push(...consumer.poll(20_000).map(({ value }) => value))
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  })

  it('refuses a partition that it does not have', () => {
    const producer = topic().producer<null>(() => undefined)
    expect(() => producer.publish(4, 1, 1, null)).toThrow(RangeError)
    expect(() => producer.publish(-1, 1, 1, null)).toThrow(RangeError)
  })

  it('tells of each partition how many records are not done, and since when one of them is there', () => {
    const bus = topic()
    const producer = bus.producer<undefined>(() => undefined)
    const consumer = bus.consumer()
    const lag = (partition: number) => bus.lags()[partition]
    expect(bus.lags()).toHaveLength(4)
    expect(lag(1)).toEqual({ partition: 1, records: 0, oldestAgeMs: undefined })
    let nowMs = 1_000
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    // Nothing of it goes by the time of day.
    const wall = vi.spyOn(Date, 'now').mockReturnValue(5)
    for (let i = 0; i < 3; i++) producer.publish(1, i, 10, undefined)
    expect(lag(1)?.records).toBe(3)
    nowMs += 700
    expect(lag(1)?.oldestAgeMs).toBe(700)
    const [first, second, third] = consumer.poll(3) as [BusEntry<number>, BusEntry<number>, BusEntry<number>]
    // It stays, whatever overtakes it.
    consumer.done(second)
    producer.publish(1, 3, 10, undefined)
    expect(lag(1)).toEqual({ partition: 1, records: 3, oldestAgeMs: 700 })
    consumer.done(first)
    producer.publish(1, 4, 10, undefined)
    expect(lag(1)?.oldestAgeMs).toBe(0)
    clock.mockRestore()
    wall.mockRestore()
    consumer.done(third)
    for (const entry of consumer.poll(9)) consumer.done(entry)
    expect(lag(1)).toEqual({ partition: 1, records: 0, oldestAgeMs: undefined })
    expect(lag(0)?.records).toBe(0)
  })
})
