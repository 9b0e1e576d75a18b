import type { AccountFacts, RepoFacts } from '@bgs/contract/envelope/verified.ts'
import { CID_BYTES } from '@bgs/protocol/drisl/cid.ts'
import { putWithSeqSlot, slottedBytes } from '@bgs/protocol/frame/seq-slot.ts'
import { REASON_NAMES, type Reason } from '@bgs/protocol/reasons/reason.ts'
import { TID_CHARACTERS } from '@bgs/protocol/syntax/tid.ts'
import type { Passed, Verdict } from './verify-frame.ts'

/** A batch on its way back from a judging thread. */
export interface VerifyReply {
  readonly id: number
  /** Outgoing frames of those that passed, with their slots for seq, each with its repo's facts behind it. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** INTS numbers for each frame. */
  readonly ints: Int32Array<ArrayBuffer>
  /** Two for each frame that was rejected, or is of an account: few. */
  readonly texts: readonly (string | null)[]
  readonly seconds: number
}

/** A frame that passed, as it is to be published. */
export type PassedFrame = Omit<Passed, 'seqEnd'>

const INTS = 7
const KINDS = { other: 0, repo: 1, inactive: 2, active: 3 } as const
/** Flags of a frame. */
const DISCONTINUOUS = 1
const HAS_SINCE = 2
const HAS_PREV_DATA = 4
/** rev and since, commit, data and prevData. */
const REPO_BYTES = 2 * TID_CHARACTERS + 3 * CID_BYTES

/** Puts verdicts together; `slowMs` is what each took beyond an ordinary frame. */
export function packReply(
  id: number,
  verdicts: readonly Verdict[],
  slowMs: readonly number[],
  seconds: number,
): VerifyReply {
  let size = 0
  for (const verdict of verdicts) if (verdict.reason === null) size += passedBytes(verdict)
  const bytes = Buffer.from(new ArrayBuffer(size))
  const ints = new Int32Array(verdicts.length * INTS)
  const texts: (string | null)[] = []
  let end = 0
  for (const [i, verdict] of verdicts.entries()) {
    const at = i * INTS
    ints[at + 6] = Math.round(slowMs[i] as number)
    if (verdict.reason !== null) {
      ints[at] = REASON_NAMES.indexOf(verdict.reason) + 1
      ints[at + 5] = texts.push(verdict.detail, null) - 2
      continue
    }
    const { frame, seqAt, seqEnd, repo, account, discontinuous } = verdict
    ints[at + 1] = end
    end = putWithSeqSlot(bytes, end, frame, seqAt, seqEnd)
    ints[at + 2] = end
    ints[at + 3] = seqAt
    let flags = discontinuous ? DISCONTINUOUS : 0
    let kind: number = KINDS.other
    if (repo !== null) {
      kind = KINDS.repo
      if (repo.since !== null) flags |= HAS_SINCE
      if (repo.prevData !== null) flags |= HAS_PREV_DATA
      end = putRepo(bytes, end, repo)
    } else if (account !== null) {
      kind = account.active ? KINDS.active : KINDS.inactive
      ints[at + 5] = texts.push(account.status, account.time) - 2
    }
    ints[at + 4] = kind * 8 + flags
  }
  return { id, bytes, ints, texts, seconds }
}

/** Milliseconds that the i-th frame of a request took beyond an ordinary one. */
export function slowMsOf({ ints }: VerifyReply, i: number): number {
  return ints[i * INTS + 6] as number
}

/** The verdict of the i-th frame of a request. */
export function readVerdict(
  { bytes, ints, texts }: VerifyReply,
  i: number,
): PassedFrame | { readonly reason: Reason; readonly detail: string } {
  const [rejected, start, end, seqAt, kindAndFlags, textAt] = ints.subarray(
    i * INTS,
    (i + 1) * INTS,
  ) as unknown as [number, number, number, number, number, number]
  if (rejected > 0) return { reason: REASON_NAMES[rejected - 1] as Reason, detail: texts[textAt] ?? '' }
  const kind = kindAndFlags >> 3
  return {
    reason: null,
    frame: bytes.subarray(start, end),
    seqAt,
    discontinuous: (kindAndFlags & DISCONTINUOUS) !== 0,
    repo: kind === KINDS.repo ? readRepo(bytes, end, kindAndFlags) : null,
    account: kind >= KINDS.inactive ? readAccount(kind, texts, textAt) : null,
  }
}

function passedBytes({ frame, seqAt, seqEnd, repo }: Passed): number {
  return slottedBytes(frame, seqAt, seqEnd) + (repo === null ? 0 : REPO_BYTES)
}

function putRepo(into: Buffer, at: number, { rev, since, commit, data, prevData }: RepoFacts): number {
  into.write(rev, at, 'latin1')
  if (since !== null) into.write(since, at + TID_CHARACTERS, 'latin1')
  const cidsAt = at + 2 * TID_CHARACTERS
  into.write(commit, cidsAt, 'latin1')
  into.write(data, cidsAt + CID_BYTES, 'latin1')
  if (prevData !== null) into.write(prevData, cidsAt + 2 * CID_BYTES, 'latin1')
  return at + REPO_BYTES
}

function readRepo(bytes: Uint8Array, at: number, flags: number): RepoFacts {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const cidsAt = at + 2 * TID_CHARACTERS
  const text = (start: number, length: number) => from.toString('latin1', start, start + length)
  return {
    rev: text(at, TID_CHARACTERS),
    since: (flags & HAS_SINCE) === 0 ? null : text(at + TID_CHARACTERS, TID_CHARACTERS),
    prevData: (flags & HAS_PREV_DATA) === 0 ? null : text(cidsAt + 2 * CID_BYTES, CID_BYTES),
    commit: text(cidsAt, CID_BYTES),
    data: text(cidsAt + CID_BYTES, CID_BYTES),
  }
}

function readAccount(kind: number, texts: readonly (string | null)[], at: number): AccountFacts {
  return { active: kind === KINDS.active, status: texts[at] ?? null, time: texts[at + 1] as string }
}
