import { packReply, type VerifyReply } from './reply.ts'
import { contextsOf, readRequest, type VerifyItem, type VerifyRequest } from './request.ts'
import type { Verdict, VerifyContext } from './verify-frame.ts'

/** What an ordinary frame takes to judge at most, in milliseconds; and for each of its bytes. */
const ORDINARY_MS = 1
const ORDINARY_MS_PER_BYTE = 40e-6

type Judge = (frame: Uint8Array, context: VerifyContext) => Verdict

/** Judges a whole request; pure but for the clocks that measure it. */
export function verifyRequest(request: VerifyRequest, judge: Judge): VerifyReply {
  return verifyAll(request.id, readRequest(request), judge)
}

/** The same where they are, for they need not go to another thread. */
export function verifyItems(items: readonly VerifyItem[], nowMs: number, judge: Judge): VerifyReply {
  return verifyAll(0, contextsOf(items, nowMs), judge)
}

function verifyAll(
  id: number,
  frames: Iterable<readonly [Uint8Array, VerifyContext]>,
  judge: Judge,
): VerifyReply {
  const startedMs = performance.now()
  const startedCpu = process.threadCpuUsage()
  const verdicts: Verdict[] = []
  const slowMs: number[] = []
  let doneMs = startedMs
  for (const [frame, context] of frames) {
    verdicts.push(verifySafely(judge, frame, context))
    const nowMs = performance.now()
    slowMs.push(nowMs - doneMs - ORDINARY_MS - frame.length * ORDINARY_MS_PER_BYTE)
    doneMs = nowMs
  }
  const wallMs = doneMs - startedMs
  // Of the time that passed other threads may have had the core: only what was spent here is the frames'.
  const isSlow = slowMs.some((ms) => ms > 0)
  const share = isSlow ? Math.min(1, cpuMs(process.threadCpuUsage(startedCpu)) / wallMs) : 1
  const slow = slowMs.map((ms) => Math.max(0, ms * share))
  return packReply(id, verdicts, slow, wallMs / 1_000)
}

function cpuMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000
}

/** No frame ends the relay: judging is total, and where it proves not to be, that frame is rejected and reported. */
function verifySafely(judge: Judge, frame: Uint8Array, context: VerifyContext): Verdict {
  try {
    return judge(frame, context)
  } catch (error) {
    return { reason: 'internal-error', detail: String((error as Error).stack) }
  }
}
