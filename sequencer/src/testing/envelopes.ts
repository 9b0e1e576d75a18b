import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import type { RepoFacts, VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { encodeAccount, encodeIdentity, encodeSync } from '@bgs/protocol/frame/encode.ts'

export const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const PDS = 'pds.example.com'
export const TIME = '2026-01-01T00:00:00.000Z'

/** A binary CID in a latin1 string, told apart by one number. */
export function cid(n: number): string {
  return `\x01\x71\x12\x20${String.fromCharCode(n & 255, n >>> 8).padEnd(32, '\xaa')}`
}

/** The n-th of a row of TIDs that rise with n. */
export function rev(n: number): string {
  const digits = '234567abcdefghijklmnopqrstuvwxyz'
  let text = ''
  for (let left = n, i = 0; i < 4; i++, left = Math.floor(left / 32)) text = `${digits[left % 32]}${text}`
  return `3kabcdefg${text}`
}

type Change = Partial<Omit<VerifiedEnvelope, 'repo'>> & { repo?: Partial<RepoFacts> }

/** An envelope as a verifier publishes it; `change` says what is particular about it. */
export function envelope(type: EventType, change: Change = {}): VerifiedEnvelope {
  const did = change.did ?? DID
  const repo =
    type === '#commit' || type === '#sync'
      ? { rev: rev(1), since: null, prevData: null, commit: cid(1), data: cid(1001), ...change.repo }
      : null
  const account = type === '#account' ? (change.account ?? { active: true, status: null, time: TIME }) : null
  const slotted =
    account !== null
      ? encodeAccount({ did, time: TIME, active: account.active, status: account.status ?? undefined })
      : repo !== null
        ? encodeSync({ did, rev: repo.rev, blocks: Buffer.from(repo.commit, 'latin1'), time: TIME })
        : encodeIdentity({ did, time: TIME })
  return {
    type,
    did,
    rawGeneration: 1,
    rawOffset: 1,
    host: PDS,
    epoch: 1,
    hostSeq: 1,
    receivedMs: Date.parse(TIME),
    authoritative: true,
    digest: 'digest-1',
    discontinuous: false,
    ...slotted,
    ...change,
    repo,
    account,
  }
}
