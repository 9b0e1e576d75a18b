import { scanFrame, scanHead } from '@bgs/protocol/frame/scan.ts'
import type { Passed, Verdict } from '@bgs/verifier/verify/verify-frame.ts'
import { verifyFrame } from '@bgs/verifier/verify/verify-frame.ts'
import { type Frames, NOW_MS, realFrames } from '../frames.ts'
import { guarded } from '../guarded.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { mutateTree } from '../mutate-tree.ts'
import { signedCommits } from '../signed-commits.ts'
import { PropertyError, type Target } from '../target.ts'

/** The frame scanner, the first look, and the whole judge behind them. */
export async function scannerTarget(): Promise<Target> {
  const frames = realFrames()
  const anyKey = [...frames.keys.values()][0]?.[0] as string
  const look = (bytes: Uint8Array) => lookAt(bytes, frames, anyKey)
  const signed = signedCommits(frames)
  return {
    seeds: frames.all,
    // With fitting CIDs a changed commit gets as far as its signature.
    mutate: (seed, random) =>
      random.chance(0.3) ? mutateTree(seed, random, frames.all) : mutateBytes(seed, random, frames.all),
    look: (input) => {
      const { verdict, passed } = guarded(input, look)
      if (passed?.repo == null) return verdict
      const { commit, rev, data } = passed.repo
      const known = signed.get(commit)
      if (known === undefined) throw new PropertyError('a commit is accepted that nobody signed')
      if (known.rev !== rev || known.data !== data)
        throw new PropertyError('a signed commit is accepted with a rev or tree that it does not have')
      return verdict
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

interface Look {
  readonly verdict: string
  readonly passed: Pick<Passed, 'repo' | 'account' | 'discontinuous' | 'seqAt' | 'seqEnd'> | null
  readonly head: unknown
}

function lookAt(bytes: Uint8Array, { keys }: Frames, anyKey: string): Look {
  const head = scanHead(bytes)
  const frame = scanFrame(bytes)
  const did = 'did' in frame ? frame.did : ''
  if (frame.kind === 'frame' && 'seqAt' in frame) {
    const isInside = 0 < frame.seqAt && frame.seqAt < frame.seqEnd && frame.seqEnd <= bytes.length
    if (!isInside) throw new PropertyError(`seq lies at ${frame.seqAt} to ${frame.seqEnd} of ${bytes.length}`)
  }
  // As after a refresh: whichever of the account's keys it is that fits.
  let verdict: Verdict | undefined
  for (const key of keys.get(did) ?? [anyKey]) {
    verdict = verifyFrame(bytes, { key, handle: '', lenient: false, nowMs: NOW_MS })
    if (verdict.reason === null) break
  }
  if (verdict === undefined) throw new PropertyError('no verdict')
  if (verdict.reason !== null) return { verdict: verdict.reason, passed: null, head }
  const { repo, account, discontinuous, seqAt, seqEnd } = verdict
  const type = frame.kind === 'frame' ? frame.type : 'rejected'
  return { verdict: `passed ${type}`, passed: { repo, account, discontinuous, seqAt, seqEnd }, head }
}
