import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { expect, it } from 'vitest'
import type { QueuedFrame } from './did-queue.ts'
import { DidQueues, PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST } from './did-queues.ts'

function entry(position: number, host = 'a', bytes = 10): QueuedFrame {
  const value: RawEnvelope = {
    type: '#commit',
    did: 'did:plc:x',
    host,
    epoch: 1,
    seq: position,
    receivedMs: 0,
    lenient: false,
    frame: new Uint8Array(bytes),
  }
  return { raw: { partition: 0, position, value }, after: 0, takenMs: 0 }
}

it('an entry that comes back from a batch takes its place before younger ones', () => {
  const queues = new DidQueues()
  const queue = queues.open('x')
  for (const position of [5, 9, 3, 7, 4]) queues.insert(queue, entry(position))
  expect(queue.entries.map(({ raw }) => raw.position)).toEqual([3, 4, 5, 7, 9])
})

it('invariant 13: counts what is parked, each host its own, and gives all of it back', () => {
  const queues = new DidQueues()
  const queue = queues.open('x')
  const current = entry(1, 'a', 100)
  queues.insert(queue, entry(2, 'a', 50))
  queues.insert(queue, entry(3, 'b', PARKED_BYTES_PER_HOST + 1))
  expect(queues.parkedBytes).toBe(0)
  queues.park(queue, current, 1)
  queues.park(queue, current, 2)
  expect([queues.parkedBytes, queues.parkedQueues]).toEqual([150 + PARKED_BYTES_PER_HOST + 1, 1])
  expect([queues.isOverBudget('a'), queues.isOverBudget('b'), queues.isOverBudget('c')]).toEqual([
    false,
    true,
    false,
  ])
  queues.insert(queue, entry(4, 'a', PARKED_BYTES_PER_HOST))
  expect(queues.isOverBudget('a')).toBe(true)
  queues.release(queue, current)
  queues.release(queue, current)
  expect([queues.parkedBytes, queues.parkedQueues, queue.parkedSinceMs]).toEqual([0, 0, undefined])
  expect([queues.isOverBudget('a'), queues.isOverBudget('b')]).toEqual([false, false])
})

it('invariant 13: the number of parked DIDs of one host is bounded, too', () => {
  const queues = new DidQueues()
  const parked = Array.from({ length: PARKED_DIDS_PER_HOST + 1 }, (_, i) => {
    const queue = queues.open(`did-${i}`)
    const current = entry(i, 'a', 1)
    expect(queues.isOverBudget('a')).toBe(false)
    queues.park(queue, current, 0)
    return { queue, current }
  })
  expect(queues.isOverBudget('a')).toBe(true)
  const [first] = parked
  if (first !== undefined) queues.release(first.queue, first.current)
  expect(queues.isOverBudget('a')).toBe(false)
})

it('invariant 13: what only pauses counts by itself, and takes nothing from what is parked', () => {
  const queues = new DidQueues()
  const late = queues.open('late')
  const first = entry(1, 'a', 100)
  expect(queues.pause(late, first).aborted).toBe(false)
  queues.insert(late, entry(2, 'a', PARKED_BYTES_PER_HOST))
  const pause = late.pause?.signal
  queues.endPause(late, 'b')
  expect(pause?.aborted).toBe(false)
  queues.endPause(late, 'a')
  expect(pause?.aborted).toBe(true)
  expect([queues.isOverBudget('a'), queues.parkedBytes, queues.parkedQueues]).toEqual([false, 0, 0])
  const parked = queues.open('parked')
  queues.park(parked, entry(3, 'a', 10), 0)
  expect([queues.isOverBudget('a'), queues.parkedBytes]).toEqual([false, 10])
  // Another of this host makes no pause; one that cannot be had at all is parked from then on.
  expect(queues.pause(queues.open('more'), entry(4, 'a', 1)).aborted).toBe(true)
  queues.park(late, first, 0)
  expect([queues.isOverBudget('a'), late.pause]).toEqual([true, undefined])
  queues.release(late, first)
  expect([queues.parkedBytes, queues.parkedQueues]).toEqual([10, 1])
})
