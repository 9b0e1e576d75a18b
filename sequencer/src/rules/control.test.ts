import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { describe, expect, it } from 'vitest'
import { type Account, applyFacts, newAccount } from '../state/account.ts'
import { DID, PDS } from '../testing/envelopes.ts'
import { decideControl } from './control.ts'

const NOW = Date.parse('2026-02-03T04:05:06.000Z')
const SAID = { did: DID, seq: 2 ** 32, time: '2026-02-03T04:05:06.000Z' }

function account(change: Partial<Account> = {}): Account {
  return Object.assign(newAccount(DID, 2 ** 32, PDS), { version: 4 }, change)
}

/** Decides, applies, and says what the network is told: undefined for nothing. */
function act(on: Account | undefined, message: ControlMessage): Record<string, unknown> | undefined | 'void' {
  const decision = decideControl(on, message, NOW)
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
    expect(act(one, local('takendown'))).toEqual({ ...SAID, active: false, status: 'takendown' })
    expect(one.local).toBe('takendown')
    expect(act(one, local('active'))).toEqual({ ...SAID, active: true })
    expect(one).toMatchObject({ local: 'active', version: 6 })
  })

  it('a reversal shows the upstream status as it is now, not as it was', () => {
    const one = account({ local: 'takendown', upstream: 'deactivated' })
    expect(act(one, local('active'))).toEqual({ ...SAID, active: false, status: 'deactivated' })
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
    expect(act(one, answer())).toEqual({ ...SAID, active: true })
    expect(one).toMatchObject({ upstream: 'active', version: 5 })
  })

  it('is void if the status changed since it was asked for', () => {
    expect(act(account({ upstream: 'deactivated', version: 5 }), answer())).toBe('void')
  })

  it('is void if the account moved on', () => {
    expect(act(account({ upstream: 'deactivated', host: 'new.example.com' }), answer())).toBe('void')
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

describe('hosts', () => {
  it('Q12: a new epoch, and H9: a ban, are quiet facts of the host', () => {
    const epoch = decideControl(undefined, { kind: 'host-epoch', host: PDS, epoch: 3 }, NOW)
    expect(epoch).toMatchObject({ kind: 'quiet', frame: null })
    expect(epoch?.facts.host).toEqual({ host: PDS, epoch: 3, banned: null })
    const ban = decideControl(undefined, { kind: 'host-ban', host: PDS, banned: true, why: 'loop' }, NOW)
    expect(ban?.facts.host).toEqual({ host: PDS, epoch: null, banned: true })
  })
})
