import { REASON_NAMES } from '@bgs/protocol/reasons/reason.ts'
import { DidCache } from '@bgs/runtime/packed/did-cache.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identityOf } from '../testing/identity.ts'
import type { CacheEntry } from './cache-entry.ts'
import { packEntry, packed, unpackEntry } from './packed-entry.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const records = new DidCache(1024 * 1024)

function roundTrip(entry: CacheEntry): CacheEntry | undefined {
  const bytes = packEntry(entry)
  if (bytes === 0) return undefined
  records.put(DID, packed, bytes)
  packEntry({ found: identityOf('did:plc:next', { digest: 'next' }), startedMs: 1 })
  const slot = records.get(DID)
  return slot && unpackEntry(DID, slot)
}

const anyText = fc.oneof(
  fc.string({ maxLength: 253 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom('', 'Multikey', 'EcdsaSecp256r1VerificationKey2019'),
)
const anyEntry: fc.Arbitrary<CacheEntry> = fc.record({
  startedMs: fc.maxSafeNat(),
  found: fc.oneof(
    fc.constantFrom(...REASON_NAMES),
    fc.record({
      did: fc.constant(DID),
      keyType: anyText,
      keyMultibase: anyText,
      pdsHost: anyText,
      handle: anyText,
      digest: anyText,
    }),
  ),
})

describe('a packed entry', () => {
  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        expect(roundTrip(entry)).toEqual(entry)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is not packed where it takes too much', () => {
    const bytesOf = (handle: string) => packEntry({ found: identityOf(DID, { handle }), startedMs: 1 })
    expect(bytesOf('x'.repeat(1_900))).toBeGreaterThan(1_900)
    expect(bytesOf('\u{100}'.repeat(1_000))).toBe(0)
    expect(bytesOf('x'.repeat(2_000))).toBe(0)
  })
})
