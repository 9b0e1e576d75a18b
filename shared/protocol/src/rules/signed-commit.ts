import { equalCids } from '../drisl/cid.ts'
import { type Car, findBlock, readCar } from '../repo/car.ts'
import { type CommitObject, readCommit, unsignedBytes } from '../repo/commit.ts'
import { type Fault, fault } from '../repo/fault.ts'
import type { PublicKey } from '../signature/public-key.ts'
import { verifySignature } from '../signature/verify.ts'

/** A commit object whose signature holds, with the CAR it came in. */
export type SignedCommit = { kind: 'signed'; car: Car; commit: CommitObject }

/** What an event says of the commit in its blocks; `commit` only where the event has the field. */
type Claim = { did: string; rev: string; blocksAt: number; blocksEnd: number; commit?: Uint8Array }

/**
 * C6 to C8 of protocol.md, the same for #commit and #sync: the CAR and its hashes, the root, the commit object, its
 * DID and rev, and the signature over it without `sig`. `signature-invalid` is for the caller to judge again after a
 * refresh of the identity.
 */
export function verifySignedCommit(claim: Claim, bytes: Uint8Array, key: PublicKey): SignedCommit | Fault {
  const car = readCar(bytes, claim.blocksAt, claim.blocksEnd)
  if (car.kind === 'fault') return car
  if (claim.commit !== undefined && !equalCids(bytes, car.rootAt, claim.commit, 0)) {
    return fault('car-root', 'the first root is not the commit of the event')
  }
  const block = findBlock(car, bytes, car.rootAt)
  if (block < 0) return fault('commit-missing', 'no block has the CID of the root')
  const commit = readCommit(bytes, car.dataAt[block]!, car.dataEnd[block]!)
  if (commit.kind === 'fault') return commit
  if (commit.did !== claim.did) return fault('commit-did', `the commit is of ${commit.did.slice(0, 80)}`)
  if (commit.rev !== claim.rev) return fault('commit-rev', `the commit has rev ${commit.rev.slice(0, 80)}`)
  const signature = bytes.subarray(commit.sigAt, commit.sigEnd)
  if (!verifySignature(key, unsignedBytes(bytes, commit), signature)) {
    return fault('signature-invalid', 'the signature does not verify')
  }
  return { kind: 'signed', car, commit }
}
