import { entryOf, messageOf } from '@bgs/testkit/log-entries.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ENTRY_KINDS, type LogEntry, PACK_VERSION, Pack, packBytes, writePack } from './pack.ts'

const FIRST = 2 ** 32

function packed(entries: readonly LogEntry[], at = 0): Buffer {
  const bytes = Buffer.alloc(at + packBytes(entries), 0xff)
  expect(writePack(bytes, at, entries, FIRST), 'packBytes says what writePack takes').toBe(bytes.length)
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

describe('packs', () => {
  it('give back every entry, and each range of them as the messages one after another (invariant 16)', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 12 }), fc.nat(64), (entries, at) => {
        const pack = new Pack(packed(entries, at), FIRST)
        expect([pack.count, pack.lastSeq]).toEqual([entries.length, FIRST + entries.length - 1])
        const facts = [...pack.facts()]
        const messages = entries.map((entry, i) => messageOf(entry, FIRST + i))
        for (const [i, entry] of entries.entries()) {
          expect(pack.kind(i)).toBe(entry.kind)
          expect(pack.didHash(i)).toBe(entry.didHash)
          expect(facts[i]).toEqual(Buffer.from(entry.facts))
          expect(pack.factsOf(i)).toEqual(Buffer.from(entry.facts))
          expect(pack.frames(i)).toEqual(Buffer.concat(messages.slice(i)))
          expect(pack.frames(0, i + 1)).toEqual(Buffer.concat(messages.slice(0, i + 1)))
        }
        expect(pack.frames()).toEqual(Buffer.concat(messages))
      }),
    )
  })

  it.each([125, 126, 65_535, 65_536])(
    'carry a frame of %i bytes with the header that RFC 6455 asks for',
    (size) => {
      const entry = entryOf(7, size)
      expect(new Pack(packed([entry]), FIRST).frames()).toEqual(messageOf(entry, FIRST))
    },
  )

  it('of an unknown version, or with an unknown kind, stop the reader (invariant 17)', () => {
    const newer = packed([entryOf(1)])
    newer.writeUInt32LE(PACK_VERSION + 1, 0)
    expect(() => new Pack(newer, FIRST)).toThrow(RangeError)
    const strange = packed([entryOf(1)])
    strange[16 + 10] = ENTRY_KINDS.length
    expect(() => new Pack(strange, FIRST).kind(0)).toThrow(RangeError)
  })
})
