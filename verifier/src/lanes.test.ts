import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { expect, it } from 'vitest'
import type { LaneEntry } from './lane.ts'
import { Lanes, PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST } from './lanes.ts'

function entry(position: number, host = 'a', bytes = 10): LaneEntry {
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
  const lanes = new Lanes()
  const lane = lanes.open('x')
  for (const position of [5, 9, 3, 7, 4]) lanes.insert(lane, entry(position))
  expect(lane.entries.map(({ raw }) => raw.position)).toEqual([3, 4, 5, 7, 9])
})

it('invariant 13: counts what is parked, each host its own, and gives all of it back', () => {
  const lanes = new Lanes()
  const lane = lanes.open('x')
  const current = entry(1, 'a', 100)
  lanes.insert(lane, entry(2, 'a', 50))
  lanes.insert(lane, entry(3, 'b', PARKED_BYTES_PER_HOST + 1))
  expect(lanes.parkedBytes).toBe(0)
  lanes.park(lane, current, 1)
  lanes.park(lane, current, 2)
  expect([lanes.parkedBytes, lanes.parkedQueues]).toEqual([150 + PARKED_BYTES_PER_HOST + 1, 1])
  expect([lanes.isOverBudget('a'), lanes.isOverBudget('b'), lanes.isOverBudget('c')]).toEqual([
    false,
    true,
    false,
  ])
  lanes.insert(lane, entry(4, 'a', PARKED_BYTES_PER_HOST))
  expect(lanes.isOverBudget('a')).toBe(true)
  lanes.release(lane, current)
  lanes.release(lane, current)
  expect([lanes.parkedBytes, lanes.parkedQueues, lane.parkedSinceMs]).toEqual([0, 0, undefined])
  expect([lanes.isOverBudget('a'), lanes.isOverBudget('b')]).toEqual([false, false])
})

it('invariant 13: the number of parked DIDs of one host is bounded, too', () => {
  const lanes = new Lanes()
  const parked = Array.from({ length: PARKED_DIDS_PER_HOST + 1 }, (_, i) => {
    const lane = lanes.open(`did-${i}`)
    const current = entry(i, 'a', 1)
    expect(lanes.isOverBudget('a')).toBe(false)
    lanes.park(lane, current, 0)
    return { lane, current }
  })
  expect(lanes.isOverBudget('a')).toBe(true)
  const [first] = parked
  if (first !== undefined) lanes.release(first.lane, first.current)
  expect(lanes.isOverBudget('a')).toBe(false)
})

it('invariant 13: what only pauses counts by itself, and takes nothing from what is parked', () => {
  const lanes = new Lanes()
  const late = lanes.open('late')
  const first = entry(1, 'a', 100)
  expect(lanes.pause(late, first).aborted).toBe(false)
  lanes.insert(late, entry(2, 'a', PARKED_BYTES_PER_HOST))
  const pause = late.pause?.signal
  lanes.endPause(late, 'b')
  expect(pause?.aborted).toBe(false)
  lanes.endPause(late, 'a')
  expect(pause?.aborted).toBe(true)
  expect([lanes.isOverBudget('a'), lanes.parkedBytes, lanes.parkedQueues]).toEqual([false, 0, 0])
  const parked = lanes.open('parked')
  lanes.park(parked, entry(3, 'a', 10), 0)
  expect([lanes.isOverBudget('a'), lanes.parkedBytes]).toEqual([false, 10])
  // Another of this host makes no pause; one that cannot be had at all is parked from then on.
  expect(lanes.pause(lanes.open('more'), entry(4, 'a', 1)).aborted).toBe(true)
  lanes.park(late, first, 0)
  expect([lanes.isOverBudget('a'), late.pause]).toEqual([true, undefined])
  lanes.release(late, first)
  expect([lanes.parkedBytes, lanes.parkedQueues]).toEqual([10, 1])
})
