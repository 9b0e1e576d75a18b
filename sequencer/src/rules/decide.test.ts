import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { describe, expect, it } from 'vitest'
import { type Account, applyFacts, newAccount } from '../state/account.ts'
import { cid, DID, envelope, PDS, rev, TIME } from '../testing/envelopes.ts'
import { decide } from './decide.ts'
import type { Append, Decision } from './decision.ts'

const NOW = Date.parse('2026-02-03T04:05:06.000Z')
const open = { accountCount: 0, throttledCount: 0, accountLimit: 10, banned: false }

/** An account that has taken one commit (rev 5, commit 5, data 1005) at raw offset 10, host seq 100. */
function known(change: Partial<Account> = {}): Account {
  const account = newAccount(DID, 2 ** 32, PDS)
  return Object.assign(
    account,
    {
      rawGeneration: 1,
      rawOffset: 10,
      taken: [{ host: PDS, epoch: 1, seq: 100 }],
      rev: rev(5),
      commit: cid(5),
      data: cid(1005),
      digest: 'digest-1',
      version: 3,
    },
    change,
  )
}

/** The next envelope behind what `known` has taken. */
const next = { rawOffset: 11, hostSeq: 101 }
const follower = { rev: rev(6), since: rev(5), prevData: cid(1005), commit: cid(6), data: cid(1006) }

function outcome(decision: Decision): string {
  return decision.kind === 'drop'
    ? `drop ${decision.reason}${decision.ask ? ', ask' : ''}`
    : `${decision.kind} ${decision.outcome}`
}

function run(account: Account | undefined, of: VerifiedEnvelope, host = open): Decision {
  return decide(account, host, of, NOW)
}

function appended(decision: Decision): Append {
  if (decision.kind === 'drop') throw new Error(`dropped as ${decision.reason}`)
  return decision
}

function bodyOf(decision: Decision): Record<string, unknown> {
  const { frame } = appended(decision)
  if (frame === null) throw new Error('a quiet entry')
  return decodeFrame(frame).body
}

describe('C1: an account that is not active has no commits', () => {
  it.each<[string, LocalStatus, string, string]>([
    ['only upstream inactive: its PDS is asked', 'active', 'deactivated', 'drop account-inactive, ask'],
    ['upstream inactive without a reason', 'active', 'inactive', 'drop account-inactive, ask'],
    ['upstream deleted', 'active', 'deleted', 'drop account-inactive, ask'],
    ['local takedown: nobody is asked', 'takendown', 'active', 'drop account-inactive'],
    ['local throttle', 'throttled', 'active', 'drop account-inactive'],
    ['both inactive: asking could change nothing', 'suspended', 'deactivated', 'drop account-inactive'],
    ['upstream desynchronized with active=true passes', 'active', 'active:desynchronized', '#commit emit'],
    ['upstream throttled with active=true passes', 'active', 'active:throttled', '#commit emit'],
  ])('%s', (_name, local, upstream, expected) => {
    expect(outcome(run(known({ local, upstream }), envelope('#commit', { ...next, repo: follower })))).toBe(
      expected,
    )
  })

  it('holds for #sync too', () => {
    const sync = envelope('#sync', { ...next, repo: follower })
    expect(outcome(run(known({ upstream: 'deactivated' }), sync))).toBe('drop account-inactive, ask')
    expect(outcome(run(known({ local: 'takendown' }), sync))).toBe('drop account-inactive')
  })
})

describe('C4, C13: a #commit against the stored one', () => {
  it.each([
    ['C13 follows', follower, '#commit emit'],
    ['C13 prevData absent (lenient), since fits', { ...follower, prevData: null }, '#commit emit'],
    ['C13 another since', { ...follower, since: rev(4) }, '#commit emit-discontinuous'],
    ['C13 since null', { ...follower, since: null }, '#commit emit-discontinuous'],
    ['C13 another prevData', { ...follower, prevData: cid(1) }, '#commit emit-discontinuous'],
    ['C4 the same rev', { ...follower, rev: rev(5) }, 'drop rev-stale'],
    ['C4 a lower rev', { ...follower, rev: rev(4) }, 'drop rev-stale'],
  ])('%s', (_name, repo, expected) => {
    expect(outcome(run(known(), envelope('#commit', { ...next, repo })))).toBe(expected)
  })

  it('C4: the #commit of a rev that a #sync has told is sent once; another commit of that rev is not', () => {
    const repo = { ...follower, rev: rev(5), commit: cid(5) }
    const synced = known({ rev: rev(5), commit: cid(5), synced: true })
    const decision = run(synced, envelope('#commit', { ...next, repo }))
    expect(outcome(decision)).toBe('#commit emit')
    expect(appended(decision).facts.synced).toBe(false)
    expect(outcome(run(synced, envelope('#commit', { ...next, repo: { ...repo, commit: cid(6) } })))).toBe(
      'drop rev-stale',
    )
    expect(outcome(run({ ...synced, synced: false }, envelope('#commit', { ...next, repo })))).toBe(
      'drop rev-stale',
    )
    // A #sync that only confirms what a #commit said changes nothing of that.
    const confirm = envelope('#sync', { ...next, repo })
    for (const was of [true, false])
      expect(appended(run({ ...synced, synced: was }, confirm)).facts.synced).toBe(was)
  })

  it('C13: what breaks the chain is adopted as the new state, and discontinuous', () => {
    const repo = { ...follower, since: rev(2) }
    const { facts } = appended(run(known(), envelope('#commit', { ...next, repo })))
    expect(facts).toMatchObject({
      discontinuous: true,
      repo: { rev: repo.rev, commit: repo.commit, data: repo.data },
    })
    const account = known()
    applyFacts(account, facts)
    expect(account).toMatchObject({ rev: rev(6), commit: cid(6), data: cid(1006), discontinuous: 1 })
  })

  it('3.5: what a lenient host was forgiven is discontinuous though it follows', () => {
    const decision = run(known(), envelope('#commit', { ...next, discontinuous: true, repo: follower }))
    expect(outcome(decision)).toBe('#commit emit-discontinuous')
  })

  it('C13: a DID never seen is adopted, whatever it says of its past', () => {
    const decision = run(undefined, envelope('#commit', { repo: follower }))
    expect(outcome(decision)).toBe('#commit emit')
    expect(appended(decision).facts).toMatchObject({ moves: true, digest: 'digest-1', discontinuous: false })
  })

  it('C13: an account without a commit yet adopts, too', () => {
    const bare = known({ rev: null, commit: null, data: null })
    expect(outcome(run(bare, envelope('#commit', { ...next, repo: follower })))).toBe('#commit emit')
  })
})

describe('S1: a #sync against the stored commit', () => {
  it.each([
    ['higher rev, other data', { rev: rev(9), commit: cid(9), data: cid(1009) }, '#sync emit-reset'],
    ['higher rev, same data', { rev: rev(9), commit: cid(9), data: cid(1005) }, '#sync emit'],
    ['equal rev, same commit', { rev: rev(5), commit: cid(5), data: cid(1005) }, '#sync emit-confirm'],
    ['equal rev, other commit', { rev: rev(5), commit: cid(6), data: cid(1005) }, 'drop sync-fork'],
    ['lower rev', { rev: rev(4), commit: cid(4), data: cid(1004) }, 'drop rev-stale'],
  ])('%s', (_name, repo, expected) => {
    expect(outcome(run(known(), envelope('#sync', { ...next, repo })))).toBe(expected)
  })

  it('a DID never seen, and one without a commit', () => {
    expect(outcome(run(undefined, envelope('#sync')))).toBe('#sync emit-reset')
    const bare = known({ rev: null, commit: null, data: null })
    expect(outcome(run(bare, envelope('#sync', next)))).toBe('#sync emit-reset')
  })

  it('the frame is passed on as it is, and none of these is discontinuous', () => {
    const sync = envelope('#sync', { ...next, repo: { rev: rev(9) } })
    const { frame, seqAt, facts } = appended(run(known(), sync))
    expect(frame).toBe(sync.frame)
    expect(seqAt).toBe(sync.seqAt)
    expect(facts.discontinuous).toBe(false)
  })
})

describe('A-1 with E1, E3: #account', () => {
  it.each([
    [true, null, 'active'],
    [false, 'deactivated', 'deactivated'],
    [false, 'some-new-word', 'some-new-word'],
    [false, null, 'inactive'],
    [true, 'desynchronized', 'active:desynchronized'],
    [true, 'throttled', 'active:throttled'],
  ])('active=%s status=%s is passed on as it came, and kept', (active, status, upstream) => {
    const event = envelope('#account', { ...next, account: { active, status, time: TIME } })
    const decision = appended(run(known(), event))
    expect(outcome(decision)).toBe('#account emit')
    expect(decision.frame).toBe(event.frame)
    expect(decision.facts.upstream).toBe(upstream)
  })

  it.each([
    ['active with a status that is none of active', true, 'deactivated', { active: true }],
    ['inactive with the word active', false, 'active', { active: false }],
    [
      'inactive with a word that would read as active here',
      false,
      'active:desynchronized',
      { active: false },
    ],
    ['inactive with a status too long to keep', false, 'x'.repeat(70_000), { active: false }],
    ['inactive with a status that is not ASCII', false, 'ge\u0142\u00f6scht', { active: false }],
    ['inactive with an empty status', false, '', { active: false }],
  ])('%s: rewritten to the effective status', (_name, active, status, expected) => {
    const event = envelope('#account', { ...next, account: { active, status, time: TIME } })
    const body = bodyOf(run(known(), event))
    expect(body).toEqual({ did: DID, time: TIME, seq: 2 ** 32, ...expected })
  })

  it.each<LocalStatus>(['takendown', 'suspended', 'throttled'])(
    'E3: hidden by local %s: kept, but nothing is said',
    (local) => {
      const event = envelope('#account', {
        ...next,
        account: { active: false, status: 'deleted', time: TIME },
      })
      const decision = appended(run(known({ local }), event))
      expect(decision).toMatchObject({ kind: 'quiet', outcome: 'quiet', frame: null })
      expect(decision.facts).toMatchObject({ upstream: 'deleted', taken: { seq: 101 } })
    },
  )

  it('is refused from a host that is not the PDS', () => {
    const event = envelope('#account', { ...next, host: 'old.example.com', authoritative: false })
    expect(outcome(run(known(), event))).toBe('drop host-not-authoritative')
  })

  it('E4: an inactive account may come back from any state', () => {
    const event = envelope('#account', next)
    expect(outcome(run(known({ upstream: 'deleted' }), event))).toBe('#account emit')
  })
})

describe('I1, I2, I3: #identity', () => {
  it('I1, I3: from the PDS it is passed on, also of an inactive account', () => {
    for (const account of [known(), known({ upstream: 'deactivated' }), known({ local: 'takendown' })])
      expect(outcome(run(account, envelope('#identity', next)))).toBe('#identity emit')
  })

  it('I2: from elsewhere, the document as it was: dropped', () => {
    const hint = envelope('#identity', { ...next, host: 'other.example.com', authoritative: false })
    expect(outcome(run(known(), hint))).toBe('drop identity-unchanged')
  })

  it('I2: from elsewhere, the document changed: passed on, but the account stays where it is', () => {
    const hint = envelope('#identity', {
      ...next,
      host: 'other.example.com',
      authoritative: false,
      digest: 'digest-2',
    })
    const decision = appended(run(known(), hint))
    expect(outcome(decision)).toBe('#identity emit')
    const account = known()
    applyFacts(account, decision.facts)
    expect(account).toMatchObject({ pdsHost: PDS, digest: 'digest-2', upstream: 'active', version: 3 })
    const again = { ...hint, rawOffset: 12, hostSeq: 102 }
    expect(outcome(run(account, again))).toBe('drop identity-unchanged')
  })

  it('I2: from elsewhere of an unknown DID: dropped', () => {
    const hint = envelope('#identity', { authoritative: false })
    expect(outcome(run(undefined, hint))).toBe('drop host-not-authoritative')
  })
})

describe('G7: a host at its limit of accounts', () => {
  const full = { ...open, accountCount: 10 }

  it.each(['#commit', '#sync'] as const)('a new account is told as throttled in place of %s', (type) => {
    const decision = run(undefined, envelope(type), full)
    expect(bodyOf(decision)).toMatchObject({
      did: DID,
      active: false,
      status: 'throttled',
      time: new Date(NOW).toISOString(),
    })
    const { facts, kind } = appended(decision)
    expect(kind).toBe('#account')
    expect(facts).toMatchObject({ local: 'throttled', repo: null, discontinuous: false, digest: 'digest-1' })
  })

  it('its upstream status is kept behind the throttle', () => {
    const event = envelope('#account', { account: { active: false, status: 'deactivated', time: TIME } })
    const decision = run(undefined, event, full)
    expect(bodyOf(decision)).toMatchObject({ active: false, status: 'throttled' })
    expect(appended(decision).facts).toMatchObject({ local: 'throttled', upstream: 'deactivated' })
  })

  it('I3: an #identity is passed on all the same', () => {
    const event = envelope('#identity')
    const decision = appended(run(undefined, event, full))
    expect(decision.frame).toBe(event.frame)
    expect(decision.facts.local).toBe('throttled')
  })

  it('one below the limit, and an account already known, are not concerned', () => {
    expect(outcome(run(undefined, envelope('#commit'), { ...open, accountCount: 9 }))).toBe('#commit emit')
    expect(outcome(run(known(), envelope('#commit', { ...next, repo: follower }), full))).toBe('#commit emit')
  })
})

it('H9: nothing of a banned host is taken', () => {
  for (const type of ['#commit', '#sync', '#identity', '#account'] as const)
    expect(outcome(run(known(), envelope(type, next), { ...open, banned: true }))).toBe('drop host-banned')
})

it('G5: a commit or sync of a host that is not the PDS is refused', () => {
  for (const type of ['#commit', '#sync'] as const)
    expect(outcome(run(known(), envelope(type, { ...next, authoritative: false })))).toBe(
      'drop host-not-authoritative',
    )
})

it('G5, D10: the first event of a new PDS moves the account; the old position is kept', () => {
  const account = known()
  const event = envelope('#commit', { rawOffset: 11, host: 'new.example.com', hostSeq: 1, repo: follower })
  applyFacts(account, appended(run(account, event)).facts)
  expect(account.pdsHost).toBe('new.example.com')
  expect(account.taken).toEqual([
    { host: PDS, epoch: 1, seq: 100 },
    { host: 'new.example.com', epoch: 1, seq: 1 },
  ])
})

describe('invariant 2: taken once', () => {
  it.each([
    ['behind both positions', { rawOffset: 11, hostSeq: 101 }, '#identity emit'],
    ['the same raw position', { rawOffset: 10, hostSeq: 101 }, 'drop already-taken'],
    ['an older raw position', { rawOffset: 9, hostSeq: 101 }, 'drop already-taken'],
    ['an older generation, further offset', { rawGeneration: 0, rawOffset: 99 }, 'drop already-taken'],
    ['a newer generation begins at 1', { rawGeneration: 2, rawOffset: 1, hostSeq: 101 }, '#identity emit'],
    [
      'a newer generation, repeated by the crawler',
      { rawGeneration: 2, rawOffset: 1, hostSeq: 100 },
      'drop already-taken',
    ],
    ['an older seq of the host', { rawOffset: 11, hostSeq: 99 }, 'drop already-taken'],
    ['a newer epoch begins at 1 (Q12)', { rawOffset: 11, epoch: 2, hostSeq: 1 }, '#identity emit'],
    ['an older epoch', { rawOffset: 11, epoch: 0, hostSeq: 1_000 }, 'drop already-taken'],
    ['another host', { rawOffset: 11, host: 'new.example.com', hostSeq: 1 }, '#identity emit'],
  ])('%s', (_name, change, expected) => {
    expect(outcome(run(known(), envelope('#identity', change)))).toBe(expected)
  })
})
