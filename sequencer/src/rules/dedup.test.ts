import { decodeFacts, encodeFacts } from '@bgs/contract/envelope/facts.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Account, applyFacts, newAccount } from '../state/account.ts'
import { cid, envelope, PDS, rev } from '../testing/envelopes.ts'
import { decide } from './decide.ts'

const HOSTS = ['a.example.com', 'b.example.com', 'c.example.com']
const open = { accountCount: 0, throttledCount: 0, accountLimit: 10, banned: false }

/** What happens to one DID: an event at its PDS, a move, a host that begins a new sequence, or a repeat. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('event' as const), commit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), to: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crawler-repeats' as const),
      host: fc.nat({ max: 2 }),
      back: fc.nat({ max: 8 }),
      generation: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('verifier-repeats' as const), back: fc.nat({ max: 8 }) }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/**
 * Turns a history into what arrives at the sequencer. A crawler repeats a host's events of its present epoch from an
 * earlier position, in order, at new raw positions; a verifier repeats what it published, at the same ones.
 */
function arrivals(history: readonly Step[]): { all: VerifiedEnvelope[]; originals: VerifiedEnvelope[] } {
  const all: VerifiedEnvelope[] = []
  const originals: VerifiedEnvelope[] = []
  const hosts = HOSTS.map((name) => ({ name, epoch: 1, seq: 0, sent: [] as VerifiedEnvelope[] }))
  let pdsHost = 0
  let generation = 1
  let offset = 0
  let commits = 0
  for (const does of history) {
    const host = hosts[pdsHost] as (typeof hosts)[number]
    switch (does.kind) {
      case 'move':
        pdsHost = does.to
        break
      case 'epoch':
        host.epoch++
        host.seq = 0
        host.sent = []
        break
      case 'event': {
        if (does.commit) commits++
        const n = commits
        const event = envelope(does.commit ? '#commit' : '#identity', {
          rawGeneration: generation,
          rawOffset: ++offset,
          host: host.name,
          epoch: host.epoch,
          hostSeq: ++host.seq,
          ...(does.commit
            ? {
                repo: {
                  rev: rev(n),
                  since: rev(n - 1),
                  prevData: cid(1000 + n - 1),
                  commit: cid(n),
                  data: cid(1000 + n),
                },
              }
            : {}),
        })
        host.sent.push(event)
        all.push(event)
        originals.push(event)
        break
      }
      case 'crawler-repeats': {
        if (does.generation) {
          generation++
          offset = 0
        }
        const { sent } = hosts[does.host] as (typeof hosts)[number]
        for (const event of does.back === 0 ? [] : sent.slice(-does.back))
          all.push({ ...event, rawGeneration: generation, rawOffset: ++offset })
        break
      }
      case 'verifier-repeats':
        if (does.back > 0) all.push(...all.filter((e) => e.rawGeneration === generation).slice(-does.back))
    }
  }
  return { all, originals }
}

const nameOf = ({ host, epoch, hostSeq }: VerifiedEnvelope) => `${host} ${epoch} ${hostSeq}`

it('invariant 2: over any history of repeats, moves and new sequences nothing is taken twice, nothing lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (history) => {
      const { all, originals } = arrivals(history)
      let live: Account | undefined
      let replayed: Account | undefined
      const taken: string[] = []
      for (const event of all) {
        const decision = decide(live, open, event, 0)
        if (decision.kind === 'drop') {
          expect(decision.reason).toBe('already-taken')
          continue
        }
        taken.push(nameOf(event))
        live ??= newAccount(event.did, 2 ** 32, event.host)
        applyFacts(live, decision.facts)
        // Invariant 5: what is read back from the log leads to the very same account.
        replayed ??= newAccount(event.did, 2 ** 32, event.host)
        applyFacts(replayed, decodeFacts(encodeFacts(decision.facts)))
        expect(replayed).toEqual(live)
      }
      expect(taken).toEqual(originals.map(nameOf))
    }),
    { numRuns: 400 },
  )
})

it('invariant 2: positions of former hosts are kept over many moves', () => {
  const account = newAccount('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', 2 ** 32, PDS)
  for (let i = 1; i <= 64; i++) {
    const event = envelope('#identity', { host: `h${i}.example.com`, rawOffset: i, hostSeq: 7 })
    const decision = decide(account, open, event, 0)
    if (decision.kind === 'drop') throw new Error(decision.reason)
    applyFacts(account, decision.facts)
  }
  const repeat = envelope('#identity', { host: 'h1.example.com', rawOffset: 100, hostSeq: 7 })
  expect(decide(account, open, repeat, 0)).toMatchObject({ kind: 'drop', reason: 'already-taken' })
})
