import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FrameCounter } from './frame-counter.ts'

/** A frame built by hand from RFC 6455 5.2. */
function frame(size: number, first: number): Buffer {
  const head =
    size < 126
      ? [first, size]
      : size < 65_536
        ? [first, 126, size >> 8, size & 255]
        : [first, 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (size >>> shift) & 255)]
  // A payload that looks like headers, for a counter that loses its place to trip over.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(size, 0x82)])
}

/** Gives the bytes in pieces of these sizes, over and over, each in the same buffer as a socket does. */
function count(bytes: Buffer, pieces: readonly number[]): FrameCounter {
  const counter = new FrameCounter()
  const buffer = Buffer.alloc(Math.max(...pieces) + 20)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = bytes.copy(buffer, 0, at, at + (pieces[i % pieces.length] as number))
    counter.take(buffer, length)
    at += length
  }
  return counter
}

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 130 }),
  fc.integer({ min: 65_530, max: 65_540 }),
  fc.integer({ min: 0, max: 6_000 }),
)

it('counts every message once, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(sizes, { maxLength: 20 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 70_000 })), {
        minLength: 1,
        maxLength: 5,
      }),
      (lengths, pieces) => {
        const counter = count(Buffer.concat(lengths.map((size) => frame(size, 0x82))), pieces)
        expect(counter.messages).toBe(lengths.length)
        expect(counter.bytes).toBe(lengths.reduce((sum, size) => sum + size, 0))
      },
    ),
    { numRuns: 200 },
  )
})

it('a message counts when its last byte has come', () => {
  const counter = new FrameCounter()
  const whole = frame(300, 0x82)
  counter.take(whole, whole.length - 1)
  expect(counter.messages).toBe(0)
  counter.take(whole.subarray(-1), 1)
  expect(counter.messages).toBe(1)
})

it('fragments are one message; pings and a close are none', () => {
  const stream = [frame(10, 0x02), frame(0, 0x89), frame(200, 0x00), frame(5, 0x80), frame(2, 0x88)]
  const counter = count(Buffer.concat(stream), [1])
  expect(counter).toMatchObject({ messages: 1, bytes: 215, pings: 1, closed: true })
})
