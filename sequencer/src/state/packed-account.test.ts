import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import { DidCache } from '@bgs/runtime/packed/did-cache.ts'
import { StringTable } from '@bgs/runtime/packed/string-table.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cid, DID, PDS, rev } from '../testing/envelopes.ts'
import { type Account, MAX_POSITIONS, newAccount } from './account.ts'
import { packAccount, packed, unpackAccount } from './packed-account.ts'

const hosts = new StringTable()
const records = new DidCache(4 * 1024 * 1024)

function roundTrip(account: Account): Account | undefined {
  const bytes = packAccount(account, hosts)
  if (bytes === 0) return undefined
  records.put(account.did, packed, bytes)
  // The scratch it was packed in is the next one's.
  packAccount({ ...newAccount('did:plc:next', 1, 'next'), rev: rev(9), commit: cid(9), data: cid(8) }, hosts)
  const slot = records.get(account.did)
  return slot && unpackAccount(account.did, slot, hosts)
}

const latin1 = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
const anyText = fc.string({ unit: 'binary', maxLength: 200 })
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })
const number = fc.oneof(
  fc.constantFrom(0, 1, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.nat(100),
  fc.maxSafeNat(),
)
const pdsHost = fc.oneof(
  fc.nat(5).map((n) => `pds-${n}.example.com`),
  fc.constantFrom('localhost:2583', '', `${'a.'.repeat(120)}example.com`),
  anyText,
)
const usualCid = latin1(32).map((digest) => `\x01\x71\x12\x20${digest}`)

const anyAccount: fc.Arbitrary<Account> = fc.record({
  did: fc.oneof(
    latin1(24).map((text) => `did:plc:${text}`),
    fc.constantFrom(DID, 'did:web:example.com', `did:web:${'label.'.repeat(340)}`.slice(0, 2_048)),
    anyText,
  ),
  firstSeq: number,
  pdsHost,
  rawGeneration: number,
  rawOffset: number,
  taken: fc.array(fc.record({ host: pdsHost, epoch: number, seq: number }), { maxLength: MAX_POSITIONS }),
  rev: maybe(fc.oneof(fc.constantFrom('222222d7n7i22', rev(3)), latin1(13), anyText)),
  commit: maybe(fc.oneof(usualCid, anyText)),
  data: maybe(fc.oneof(usualCid, anyText)),
  upstream: fc.oneof(fc.constantFrom('active', 'inactive', 'deleted', 'active:throttled'), anyText),
  local: fc.oneof(
    fc.constantFrom<LocalStatus>('active', 'takendown', 'suspended', 'throttled', 'throttled:conduct'),
    anyText as fc.Arbitrary<LocalStatus>,
  ),
  digest: fc.oneof(latin1(22), fc.constant(''), anyText),
  version: number,
  discontinuous: number,
  synced: fc.boolean(),
  pendingCommit: fc.constant(undefined),
  untilMs: fc.constant(undefined),
  dirty: fc.constant(false),
})

/** What nearly all accounts are. */
const usualAccount: fc.Arbitrary<Account> = fc
  .record({
    account: anyAccount,
    pdsHost,
    epoch: fc.nat(9),
    seq: number,
    rev: latin1(13),
    digest: latin1(22),
  })
  .map(({ account, pdsHost, epoch, seq, rev, digest }) => ({
    ...account,
    did: DID,
    pdsHost,
    rawGeneration: epoch,
    taken: [{ host: pdsHost, epoch, seq }],
    rev,
    commit: cid(seq % 256),
    data: cid(epoch),
    digest,
    upstream: 'deactivated',
    local: 'suspended',
    version: epoch,
    discontinuous: 0,
    synced: false,
  }))

describe('a packed account', () => {
  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(anyAccount, usualAccount), (account) => {
        expect(roundTrip(account)).toEqual(account)
      }),
      { numRuns: 1_000 },
    )
  })

  it('takes 151 bytes where it is usual', () => {
    fc.assert(
      fc.property(usualAccount, (account) => {
        expect(packAccount(account, hosts)).toBe(151)
      }),
    )
  })

  it('comes back as it was made and with the most positions', () => {
    const fresh = { ...newAccount(DID, 2 ** 32, PDS), dirty: false }
    expect(roundTrip(fresh)).toEqual(fresh)
    const taken = Array.from({ length: MAX_POSITIONS }, (_, i) => ({
      host: `h${i}`,
      epoch: i,
      seq: Number.MAX_SAFE_INTEGER - i,
    }))
    expect(roundTrip({ ...fresh, taken })).toEqual({ ...fresh, taken })
  })

  it('is not packed where it takes too much: the caller keeps nothing', () => {
    const fresh = newAccount(DID, 1, PDS)
    expect(packAccount({ ...fresh, digest: 'x'.repeat(40_000) }, hosts)).toBe(0)
    expect(packAccount({ ...fresh, digest: 'x'.repeat(40_000), upstream: 'y'.repeat(40_000) }, hosts)).toBe(0)
    const taken = Array.from({ length: 9_999 }, (_, i) => ({ host: `h${i}`, epoch: 1, seq: 1 }))
    expect(packAccount({ ...fresh, taken }, hosts)).toBe(0)
  })
})
