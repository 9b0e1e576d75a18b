import type { RawEnvelope } from '@bgs/shared/envelope/raw.ts'
import type { AccountFacts, RepoFacts } from '@bgs/shared/envelope/verified.ts'
import { REASON_NAMES, type Reason } from '@bgs/shared/verdict/reason.ts'
import type { Identity } from '../identity/document.ts'
import type { JudgeContext, Judgement } from './judge.ts'

/**
 * Batches that travel to a judging thread and back: the frames' bytes in one buffer each way, handed over without
 * copying, and short facts beside them.
 */
export interface JudgeRequest {
  readonly id: number
  readonly frames: Uint8Array<ArrayBuffer>
  /** Where each frame ends in `frames`. */
  readonly ends: Int32Array<ArrayBuffer>
  readonly keys: readonly string[]
  readonly handles: readonly string[]
  readonly lenient: readonly boolean[]
  readonly nowMs: number
}

export interface JudgeReply {
  readonly id: number
  /** Outgoing frames of those that passed, with their slots for seq. */
  readonly frames: Uint8Array<ArrayBuffer>
  /** INTS numbers for each frame. */
  readonly ints: Int32Array<ArrayBuffer>
  /** TEXTS strings for each frame. */
  readonly texts: readonly (string | null)[]
  readonly seconds: number
}

export interface JudgeItem {
  readonly envelope: RawEnvelope
  readonly identity: Identity
}

const INTS = 6
const TEXTS = 5

/** Puts items together; the frames are copied once into the buffer that is handed over. */
export function packRequest(id: number, items: readonly JudgeItem[], nowMs: number): JudgeRequest {
  const ends = new Int32Array(items.length)
  let bytes = 0
  for (const [i, { envelope }] of items.entries()) {
    bytes += envelope.frame.length
    ends[i] = bytes
  }
  const frames = new Uint8Array(bytes)
  for (const [i, { envelope }] of items.entries())
    frames.set(envelope.frame, (ends[i] as number) - envelope.frame.length)
  return {
    id,
    frames,
    ends,
    keys: items.map(({ identity }) => `${identity.keyType} ${identity.keyMultibase}`),
    handles: items.map(({ identity }) => identity.handle),
    lenient: items.map(({ envelope }) => envelope.lenient),
    nowMs,
  }
}

/** Judges a whole request; pure but for the clock that measures it. */
export function judgeRequest(
  request: JudgeRequest,
  judge: (frame: Uint8Array, context: JudgeContext) => Judgement,
): JudgeReply {
  const started = performance.now()
  const { ends, frames, keys, handles, lenient, nowMs } = request
  const judgements: Judgement[] = []
  let bytes = 0
  for (let i = 0; i < ends.length; i++) {
    const frame = frames.subarray(i === 0 ? 0 : ends[i - 1], ends[i])
    const judgement = judgeSafely(judge, frame, {
      key: keys[i] as string,
      handle: handles[i] as string,
      lenient: lenient[i] as boolean,
      nowMs,
    })
    judgements.push(judgement)
    if (judgement.reason === null) bytes += judgement.frame.length
  }
  const out = new Uint8Array(bytes)
  const ints = new Int32Array(ends.length * INTS)
  const texts: (string | null)[] = []
  let at = 0
  for (const [i, judgement] of judgements.entries()) {
    if (judgement.reason !== null) {
      ints[i * INTS] = REASON_NAMES.indexOf(judgement.reason) + 1
      texts.push(judgement.detail, null, null, null, null)
      continue
    }
    out.set(judgement.frame, at)
    ints.set(
      [0, at, judgement.frame.length, judgement.seqAt, judgement.marked ? 1 : 0, kindOf(judgement)],
      i * INTS,
    )
    at += judgement.frame.length
    pushTexts(texts, judgement.repo, judgement.account)
  }
  return { id: request.id, frames: out, ints, texts, seconds: (performance.now() - started) / 1_000 }
}

/** No frame ends the relay: judging is total, and where it proves not to be, that frame is refused and reported. */
function judgeSafely(
  judge: (frame: Uint8Array, context: JudgeContext) => Judgement,
  frame: Uint8Array,
  context: JudgeContext,
): Judgement {
  try {
    return judge(frame, context)
  } catch (error) {
    return { reason: 'internal-error', detail: String((error as Error).stack) }
  }
}

/** The judgement of the i-th frame of a request. */
export function readJudgement(reply: JudgeReply, i: number): Judgement {
  const { ints, texts } = reply
  const at = i * INTS
  const refused = ints[at] as number
  const text = (n: number) => texts[i * TEXTS + n] ?? null
  if (refused > 0) return { reason: REASON_NAMES[refused - 1] as Reason, detail: text(0) ?? '' }
  const start = ints[at + 1] as number
  const kind = ints[at + 5] as number
  return {
    reason: null,
    frame: reply.frames.subarray(start, start + (ints[at + 2] as number)),
    seqAt: ints[at + 3] as number,
    marked: ints[at + 4] === 1,
    repo:
      kind === 1
        ? {
            rev: text(0) as string,
            since: text(1),
            prevData: text(2),
            commit: text(3) as string,
            data: text(4) as string,
          }
        : null,
    account: kind >= 2 ? { active: kind === 3, status: text(0), time: text(1) as string } : null,
  }
}

function kindOf(judgement: { repo: RepoFacts | null; account: AccountFacts | null }): number {
  if (judgement.repo !== null) return 1
  return judgement.account === null ? 0 : judgement.account.active ? 3 : 2
}

function pushTexts(texts: (string | null)[], repo: RepoFacts | null, account: AccountFacts | null): void {
  if (repo !== null) texts.push(repo.rev, repo.since, repo.prevData, repo.commit, repo.data)
  else texts.push(account?.status ?? null, account?.time ?? null, null, null, null)
}
