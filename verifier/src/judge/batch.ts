import type { JudgeContext, Judgement } from './judge.ts'
import { type JudgeReply, packReply } from './reply.ts'
import { type JudgeRequest, readRequest } from './request.ts'

/** What an ordinary frame takes to judge at most, in milliseconds; and for each of its bytes. */
const ORDINARY_MS = 1
const ORDINARY_MS_PER_BYTE = 40e-6

/** Judges a whole request; pure but for the clocks that measure it. */
export function judgeRequest(
  request: JudgeRequest,
  judge: (frame: Uint8Array, context: JudgeContext) => Judgement,
): JudgeReply {
  const startedMs = performance.now()
  const startedCpu = process.threadCpuUsage()
  const judgements: Judgement[] = []
  const slowMs: number[] = []
  let doneMs = startedMs
  for (const [frame, context] of readRequest(request)) {
    judgements.push(judgeSafely(judge, frame, context))
    const nowMs = performance.now()
    slowMs.push(nowMs - doneMs - ORDINARY_MS - frame.length * ORDINARY_MS_PER_BYTE)
    doneMs = nowMs
  }
  const wallMs = doneMs - startedMs
  // Of the time that passed other threads may have had the core: only what was spent here is the frames'.
  const isSlow = slowMs.some((ms) => ms > 0)
  const share = isSlow ? Math.min(1, cpuMs(process.threadCpuUsage(startedCpu)) / wallMs) : 1
  const slow = slowMs.map((ms) => Math.max(0, ms * share))
  return packReply(request.id, judgements, slow, wallMs / 1_000)
}

function cpuMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000
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
