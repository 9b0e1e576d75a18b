import { entryOf, messageOf } from '@bgs/testkit/log-entries.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BATCH_VERSION, batchBytes, ENTRY_KINDS, LogBatch, type LogEntry, writeBatch } from './log-batch.ts'

const FIRST = 2 ** 32

function packed(entries: readonly LogEntry[], at = 0): Buffer {
  const bytes = Buffer.alloc(at + batchBytes(entries), 0xff)
  expect(writeBatch(bytes, at, entries, FIRST), 'packBytes says what writePack takes').toBe(bytes.length)
  return bytes.subarray(at)
}

const anyEntry = fc
  .record({
    kind: fc.constantFrom(...ENTRY_KINDS),
    didHash: fc.nat(0xffff_ffff),
    facts: fc.uint8Array({ maxLength: 300 }),
    frame: fc.uint8Array({ minLength: 9, maxLength: 400 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ kind, didHash, facts, frame, share }): LogEntry => {
    const seqAt = Math.floor(share * (frame.length - 9))
    return { kind, didHash, facts, frame: kind === 'quiet' ? null : frame, seqAt }
  })

describe('batches', () => {
  it('give back every entry, and each range of them as the messages one after another (invariant 16)', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 12 }), fc.nat(64), (entries, at) => {
        const batch = new LogBatch(packed(entries, at), FIRST)
        expect([batch.count, batch.lastSeq]).toEqual([entries.length, FIRST + entries.length - 1])
        const facts = [...batch.facts()]
        const messages = entries.map((entry, i) => messageOf(entry, FIRST + i))
        for (const [i, entry] of entries.entries()) {
          expect(batch.kind(i)).toBe(entry.kind)
          expect(batch.didHash(i)).toBe(entry.didHash)
          expect(facts[i]).toEqual(Buffer.from(entry.facts))
          expect(batch.factsOf(i)).toEqual(Buffer.from(entry.facts))
          expect(batch.frames(i)).toEqual(Buffer.concat(messages.slice(i)))
          expect(batch.frames(0, i + 1)).toEqual(Buffer.concat(messages.slice(0, i + 1)))
        }
        expect(batch.frames()).toEqual(Buffer.concat(messages))
      }),
    )
  })

  it.each([125, 126, 65_535, 65_536])(
    'carry a frame of %i bytes with the header that RFC 6455 asks for',
    (size) => {
      const entry = entryOf(7, size)
      expect(new LogBatch(packed([entry]), FIRST).frames()).toEqual(messageOf(entry, FIRST))
    },
  )

  it('of an unknown version, or with an unknown kind, stop the reader (invariant 17)', () => {
    const newer = packed([entryOf(1)])
    newer.writeUInt32LE(BATCH_VERSION + 1, 0)
    expect(() => new LogBatch(newer, FIRST)).toThrow(RangeError)
    const strange = packed([entryOf(1)])
    strange[16 + 10] = ENTRY_KINDS.length
    expect(() => new LogBatch(strange, FIRST).kind(0)).toThrow(RangeError)
  })
})
