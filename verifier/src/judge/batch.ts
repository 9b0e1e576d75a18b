import type { JudgeContext, Judgement } from './judge.ts'
import { type JudgeReply, packReply } from './reply.ts'
import { type JudgeRequest, readRequest } from './request.ts'

/** Judges a whole request; pure but for the clock that measures it. */
export function judgeRequest(
  request: JudgeRequest,
  judge: (frame: Uint8Array, context: JudgeContext) => Judgement,
): JudgeReply {
  const started = performance.now()
  const judgements: Judgement[] = []
  for (const [frame, context] of readRequest(request)) judgements.push(judgeSafely(judge, frame, context))
  return packReply(request.id, judgements, (performance.now() - started) / 1_000)
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
