import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { hostFacts } from '@bgs/contract/envelope/facts.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { describe, expect, it } from 'vitest'
import { type Account, applyFacts, newAccount } from '../state/account.ts'
import { DID, PDS } from '../testing/envelopes.ts'
import { decideControl } from './control.ts'

/** What the account's host has and may have. */
let room = { accountCount: 5, throttledCount: 2, accountLimit: 4 }
const NOW = Date.parse('2026-02-03T04:05:06.000Z')
const CLAIM = { did: DID, seq: 2 ** 32, time: '2026-02-03T04:05:06.000Z' }

function account(change: Partial<Account> = {}): Account {
  return Object.assign(newAccount(DID, 2 ** 32, PDS), { version: 4 }, change)
}

/** Decides, applies, and says what the network is told: undefined for nothing. */
function act(on: Account | undefined, message: ControlMessage): Record<string, unknown> | undefined | 'void' {
  const decision = decideControl(on, room, message, NOW)
  if (decision === null) return 'void'
  if (on !== undefined) applyFacts(on, decision.facts)
  expect(decision.facts.taken).toBeNull()
  return decision.frame === null ? undefined : decodeFrame(decision.frame).body
}

const local = (status: Account['local']): ControlMessage => ({
  kind: 'account-local',
  did: DID,
  local: status,
})
const answer = (change: object = {}): ControlMessage => ({
  kind: 'account-upstream',
  did: DID,
  host: PDS,
  version: 4,
  active: true,
  status: null,
  ...change,
})

describe('E1, E3: local status', () => {
  it('a takedown is told at once, its reversal too', () => {
    const one = account()
    expect(act(one, local('takendown'))).toEqual({ ...CLAIM, active: false, status: 'takendown' })
    expect(one.local).toBe('takendown')
    expect(act(one, local('active'))).toEqual({ ...CLAIM, active: true })
    expect(one).toMatchObject({ local: 'active', version: 6 })
  })

  it('a reversal shows the upstream status as it is now, not as it was', () => {
    const one = account({ local: 'takendown', upstream: 'deactivated' })
    expect(act(one, local('active'))).toEqual({ ...CLAIM, active: false, status: 'deactivated' })
  })

  it('the status that is so already, and an unknown DID: nothing', () => {
    expect(act(account({ local: 'takendown' }), local('takendown'))).toBe('void')
    expect(act(undefined, local('takendown'))).toBe('void')
  })

  it('invariant 8: where nothing visible changes the entry is quiet', () => {
    const one = account({ upstream: 'suspended' })
    expect(act(one, local('suspended'))).toBeUndefined()
    expect(one.local).toBe('suspended')
  })
})

describe('C1, invariant 7: the answer of a PDS', () => {
  it('brings an account back', () => {
    const one = account({ upstream: 'deactivated' })
    expect(act(one, answer())).toEqual({ ...CLAIM, active: true })
    expect(one).toMatchObject({ upstream: 'active', version: 5 })
  })

  it('is void if the status changed since it was asked for', () => {
    expect(act(account({ upstream: 'deactivated', version: 5 }), answer())).toBe('void')
  })

  it('is void if the account moved on', () => {
    expect(act(account({ upstream: 'deactivated', pdsHost: 'new.example.com' }), answer())).toBe('void')
  })

  it('is void for an unknown DID, and where it says what is known', () => {
    expect(act(undefined, answer())).toBe('void')
    expect(act(account(), answer())).toBe('void')
    expect(act(account({ upstream: 'deleted' }), answer({ active: false, status: 'deleted' }))).toBe('void')
  })

  it('E1: behind a local status it is kept and not told', () => {
    const one = account({ local: 'takendown', upstream: 'deactivated' })
    expect(act(one, answer())).toBeUndefined()
    expect(one.upstream).toBe('active')
  })
})

describe('H8, 3.6: the reason of a throttle has ended', () => {
  const release = (version = 4): ControlMessage => ({ kind: 'account-release', did: DID, version })

  it.each(['throttled', 'throttled:conduct'] as const)('%s is released, and the network is told', (local) => {
    const one = account({ local })
    expect(act(one, release())).toEqual({ ...CLAIM, active: true })
    expect(one.local).toBe('active')
  })

  it('is void where the account changed meanwhile, or is not throttled', () => {
    expect(act(account({ local: 'throttled' }), release(3))).toBe('void')
    for (const local of ['active', 'takendown', 'suspended'] as const)
      expect(act(account({ local }), release())).toBe('void')
  })

  it('is void where the host has no room after all, but for one throttled for its conduct', () => {
    const before = room
    room = { accountCount: 6, throttledCount: 2, accountLimit: 4 }
    expect(act(account({ local: 'throttled' }), release())).toBe('void')
    expect(act(account({ local: 'throttled:conduct' }), release())).toEqual({ ...CLAIM, active: true })
    room = before
  })
})

describe('hosts', () => {
  it('H8, H9: limits and bans of domains are quiet facts', () => {
    const limit = decideControl(undefined, undefined, { kind: 'host-limit', host: PDS, accountLimit: 7 }, NOW)
    expect(limit).toMatchObject({ kind: 'quiet', facts: { host: { ...hostFacts(PDS), accountLimit: 7 } } })
    const ban = { kind: 'domain-ban', domain: 'example.com', banned: true, why: 'spam' } as const
    expect(decideControl(undefined, undefined, ban, NOW)?.facts.host).toEqual({
      ...hostFacts('*.example.com'),
      banned: true,
    })
  })

  it('Q12: a new epoch, and H9: a ban, are quiet facts of the host', () => {
    const epoch = decideControl(undefined, undefined, { kind: 'host-epoch', host: PDS, epoch: 3 }, NOW)
    expect(epoch).toMatchObject({ kind: 'quiet', frame: null })
    expect(epoch?.facts.host).toEqual({ ...hostFacts(PDS), epoch: 3 })
    const ban = decideControl(
      undefined,
      undefined,
      { kind: 'host-ban', host: PDS, banned: true, why: 'loop' },
      NOW,
    )
    expect(ban?.facts.host).toEqual({ ...hostFacts(PDS), banned: true })
  })
})
