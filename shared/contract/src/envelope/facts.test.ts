import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFacts, didOfFacts, encodeFacts, type Facts, NO_FACTS } from './facts.ts'
import { effectiveStatus, upstreamStatus } from './status.ts'

const text = (maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)), maxLength })
const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const cid = fc.uint8Array({ minLength: 36, maxLength: 36 }).map((b) => Buffer.from(b).toString('latin1'))
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  did: text(2_048),
  taken: maybe(
    fc.record({ rawGeneration: number, rawOffset: number, host: text(253), epoch: number, seq: number }),
  ),
  moves: fc.boolean(),
  pdsHost: maybe(text(253)),
  repo: maybe(fc.record({ rev: text(13), commit: cid, data: cid })),
  synced: fc.boolean(),
  upstream: maybe(text(64)),
  local: maybe(fc.constantFrom('active', 'takendown', 'suspended', 'throttled', 'throttled:conduct')),
  digest: maybe(text(22)),
  discontinuous: fc.boolean(),
  host: maybe(
    fc.record({
      host: text(253),
      epoch: maybe(number),
      banned: maybe(fc.boolean()),
      accountLimit: maybe(number),
    }),
  ),
  pendingCommit: maybe(
    fc.record({ rev: text(13), commit: cid, data: cid, block: fc.uint8Array({ maxLength: 10_000 }) }),
  ),
  untilMs: maybe(number),
})

describe('facts of an entry', () => {
  it('round trip, and their DID can be read alone', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const bytes = encodeFacts(facts)
        expect(decodeFacts(bytes)).toEqual(facts)
        expect(didOfFacts(bytes)).toBe(facts.did)
      }),
    )
  })

  it('are a copy of their own: the next ones do not change them', () => {
    const first = encodeFacts({ ...NO_FACTS, did: 'did:plc:one' })
    encodeFacts({ ...NO_FACTS, did: 'did:plc:two' })
    expect(decodeFacts(first).did).toBe('did:plc:one')
  })

  it('invariant 17: the format before this one is read', () => {
    // As the version before wrote it: mask of one byte, host facts without a limit.
    const did = Buffer.from('0b006469643a706c633a6f6e65', 'hex')
    const host = Buffer.concat([Buffer.from('0100', 'hex'), Buffer.from('h'), Buffer.alloc(9)])
    host.writeDoubleLE(7, 3)
    host[11] = 1
    const bytes = Buffer.concat([Buffer.from([1, 128 | 64]), did, host])
    expect(didOfFacts(bytes)).toBe('did:plc:one')
    expect(decodeFacts(bytes)).toEqual({
      ...NO_FACTS,
      did: 'did:plc:one',
      discontinuous: true,
      host: { host: 'h', epoch: 7, banned: true, accountLimit: null },
    })
  })

  it('invariant 17: a format that is not known stops the reader', () => {
    const bytes = encodeFacts(NO_FACTS)
    bytes[0] = 3
    expect(() => decodeFacts(bytes)).toThrow(RangeError)
  })
})

describe('E1: statuses', () => {
  it('whatever a host writes, its word of activity is kept, and the status fits into facts', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.option(
          fc.oneof(
            fc.string({ unit: 'binary', maxLength: 200 }),
            fc.constantFrom('active', 'active:', 'active:throttled', 'inactive', 'deactivated'),
          ),
          { nil: null },
        ),
        (active, status) => {
          const upstream = upstreamStatus(active, status)
          expect(effectiveStatus('active', upstream).active).toBe(active)
          expect(decodeFacts(encodeFacts({ ...NO_FACTS, upstream })).upstream).toBe(upstream)
        },
      ),
    )
  })

  it.each(['takendown', 'suspended', 'throttled'] as const)('local %s wins', (local) => {
    for (const upstream of ['active', 'deleted', 'active:throttled', 'inactive'])
      expect(effectiveStatus(local, upstream)).toEqual({ active: false, status: local })
  })
})
