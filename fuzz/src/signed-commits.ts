import { CID_BYTES } from '@bgs/protocol/drisl/cid.ts'
import { cidKey } from '@bgs/protocol/drisl/cid-key.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { readCar } from '@bgs/protocol/repo/car.ts'
import { readCommit, unsignedBytes } from '@bgs/protocol/repo/commit.ts'
import { parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { verifySignature } from '@bgs/protocol/signature/verify.ts'
import type { Frames } from './frames.ts'

/** What a commit that somebody really signed says. */
export interface Signed {
  readonly rev: string
  readonly data: string
}

/** All commits in the seeds whose signature holds, by CID: nothing else may ever be taken for signed. */
export function signedCommits({ all, keys }: Frames): ReadonlyMap<string, Signed> {
  const signed = new Map<string, Signed>()
  for (const bytes of all) {
    const frame = scanFrame(bytes)
    if (!('blocksAt' in frame)) continue
    const car = readCar(bytes, frame.blocksAt, frame.blocksEnd)
    if (car.kind === 'fault') continue
    for (const [block, cidAt] of car.cidAt.entries()) {
      const commit = readCommit(bytes, car.dataAt[block] as number, car.dataEnd[block] as number)
      if (commit.kind === 'fault') continue
      const signature = bytes.subarray(commit.sigAt, commit.sigEnd)
      const isSigned = (keys.get(commit.did) ?? []).some((text) => {
        const [type = '', multibase = ''] = text.split(' ')
        const key = parsePublicKey(type, multibase)
        return key !== null && verifySignature(key, unsignedBytes(bytes, commit), signature)
      })
      const data = cidKey(bytes.subarray(commit.dataAt, commit.dataAt + CID_BYTES))
      if (isSigned) signed.set(cidKey(bytes.subarray(cidAt, cidAt + CID_BYTES)), { rev: commit.rev, data })
    }
  }
  return signed
}
