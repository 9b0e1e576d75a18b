import { RATE_THROTTLE } from '@bgs/contract/envelope/status.ts'
import { expect, it } from 'vitest'
import { newAccount } from '../state/account.ts'
import { DID, envelope, PDS } from '../testing/envelopes.ts'
import { AccountRateLimit } from './account-rate-limit.ts'
import { decide } from './decide.ts'
import type { Append } from './decision.ts'

it('3.6: a share comes back with the time that has passed, whatever the time of day is set to', () => {
  let elapsedMs = 0
  const limit = new AccountRateLimit({ eventsPerHour: 2, throttleMs: 60_000 }, () => elapsedMs)
  const host = { accountCount: 0, throttledCount: 0, accountLimit: 10, banned: false }
  const identity = envelope('#identity')
  const note = (wallMs: number) =>
    limit.note(newAccount(DID, 1, PDS), decide(undefined, host, identity, wallMs) as Append, identity, wallMs)
  const noonMs = Date.UTC(2026, 10, 28, 12)
  expect(note(noonMs)).toBeNull()
  // Set back by two hours, then forward by four: neither takes a share nor gives one.
  expect(note(noonMs - 7_200_000)).toBeNull()
  expect(note(noonMs + 7_200_000)?.facts).toMatchObject({ local: RATE_THROTTLE })
  elapsedMs += 3_600_000
  expect(note(noonMs)).toBeNull()
})
