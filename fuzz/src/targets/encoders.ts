import { encodeSequenced } from '@bgs/cluster/log/sequenced-record.ts'
import { decodeFacts, encodeFacts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { decodeRawRecord, encodeRawRecord } from '@bgs/contract/envelope/raw-record.ts'
import { upstreamStatus } from '@bgs/contract/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { decodeVerifiedRecord, encodeVerifiedRecord } from '@bgs/contract/envelope/verified-record.ts'
import { batchBytes } from '@bgs/contract/log/log-batch.ts'
import { peekFrame } from '@bgs/crawler/peek.ts'
import { withSeqSlot } from '@bgs/protocol/frame/seq-slot.ts'
import { StringTable } from '@bgs/runtime/packed/string-table.ts'
import { decide } from '@bgs/sequencer/rules/decide.ts'
import { newAccount } from '@bgs/sequencer/state/account.ts'
import { packAccount } from '@bgs/sequencer/state/packed-account.ts'
import { verifyFrame } from '@bgs/verifier/verify/verify-frame.ts'
import { NOW_MS, realFrames } from '../frames.ts'
import { longTexts } from '../long-texts.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { PropertyError, type Target } from '../target.ts'

const HOST = 'pds.example.com'
/** Two entries of facts and heads beside the frame: what one event may add to an append. */
const MOST_BESIDE_FRAME = 25_000

/**
 * Whatever of a frame gets as far as an encoder can be written down: records of raw and verified, facts, entries of the
 * log, packed accounts. Texts have the lengths at which encoders have their edges.
 */
export async function encodersTarget(): Promise<Target> {
  const frames = realFrames()
  return {
    seeds: frames.all,
    mutate: (seed, random) =>
      random.chance(0.6) ? longTexts(seed, random) : mutateBytes(seed, random, frames.all),
    look: (input) => {
      const look = peekFrame(input, true)
      if (look.kind !== 'event') return look.kind
      const { type, did, seq } = look
      const head = { type, did, host: HOST, epoch: 1, receivedMs: NOW_MS }
      const raw: RawEnvelope = { ...head, seq, lenient: false, frame: input }
      same(decodeRawRecord(encodeRawRecord([raw]))[0]?.did, did)
      const [key = ''] = frames.keys.get(did) ?? [...frames.keys.values()][0] ?? []
      const judged = verifyFrame(input, { key, handle: '', lenient: false, nowMs: NOW_MS })
      if (judged.reason !== null) return judged.reason
      const { frame, seqAt } = withSeqSlot(judged.frame, judged.seqAt, judged.seqEnd)
      const { repo, account, discontinuous } = judged
      const verified: VerifiedEnvelope = {
        ...head,
        ...{ rawGeneration: 1, rawOffset: 1, hostSeq: seq, authoritative: true, digest: '' },
        ...{ frame, seqAt, repo, account, discontinuous },
      }
      const [back] = decodeVerifiedRecord(encodeVerifiedRecord([verified]))
      same(back?.account?.status, account?.status)
      writeEvent(verified)
      return `written ${type}`
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** As the sequencer does, for an account that is active and for one that is not. */
function writeEvent(verified: VerifiedEnvelope): void {
  const host = { accountCount: 0, throttledCount: 0, accountLimit: 1, banned: false }
  for (const upstream of ['active', 'deactivated']) {
    const account = { ...newAccount(verified.did, 1, HOST), upstream }
    const decision = decide(account, host, verified, NOW_MS)
    if (decision.kind === 'drop') continue
    const facts = encodeFacts(decision.facts)
    same(decodeFacts(facts).did, verified.did)
    const entry = { kind: decision.kind, didHash: 1, facts, frame: decision.frame, seqAt: decision.seqAt }
    if (batchBytes([entry]) > verified.frame.length + MOST_BESIDE_FRAME)
      throw new PropertyError(`an event of ${verified.frame.length} bytes adds ${batchBytes([entry])}`)
    const base = { base: 2 ** 32, from: 0, before: 0 }
    const named = { logId: 'a', generation: 1, writer: 'b', isLast: false }
    const record = { ...named, base, offset: 0, bytesBefore: 0, timeMs: NOW_MS }
    encodeSequenced({ ...record, checkpoint: Buffer.alloc(0) }, [entry])
  }
  const status = verified.account?.status ?? null
  const upstream = upstreamStatus(verified.account?.active ?? true, status)
  same(decodeFacts(encodeFacts({ ...NO_FACTS, did: verified.did, upstream })).upstream, upstream)
  if (packAccount({ ...newAccount(verified.did, 1, HOST), upstream }, new StringTable()) === 0)
    throw new PropertyError('an account that cannot be packed')
}

function same(got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new PropertyError('what was written down is read as something else')
}
