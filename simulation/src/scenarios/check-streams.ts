import type { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import type { RunLog } from '../run-log.ts'

/** Findings of each kind that are put into the log of the run. */
const SHOWN = 5

/** What the streams came to. */
export interface StreamFindings {
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  readonly different: number
}

/** Somebody who read the stream, and what was read. */
export interface Reader {
  readonly name: string
  readonly checker: StreamChecker
}

/** Each stream against the model (invariants 2, 3, 10, 11), and each against the first of them (invariant 15). */
export function checkStreams(readers: readonly Reader[], log: RunLog): StreamFindings {
  const total = { lost: 0, doubled: 0, reordered: 0, different: 0 }
  const [first] = readers
  for (const { name, checker } of readers) {
    const { ok, received: _, ...faults } = checker.verdict()
    total.lost += faults.missing.length
    total.doubled += faults.duplicate.length
    total.reordered += faults.outOfOrder.length
    if (!ok || checker.errors.length > 0) {
      for (const [kind, list] of Object.entries(faults))
        for (const text of list.slice(0, SHOWN)) log.violation(`${name}: ${kind}: ${text}`)
      for (const error of checker.errors.slice(0, SHOWN)) log.violation(`${name}: ${JSON.stringify(error)}`)
    }
    if (first === undefined || checker === first.checker) continue
    const differing = first.checker.differingSeqs(checker)
    total.different += differing.length
    for (const text of differing.slice(0, SHOWN))
      log.violation(`invariant 15: another seq for ${name} than for ${first.name}: ${text}`)
  }
  return total
}
