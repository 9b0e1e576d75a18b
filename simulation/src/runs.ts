import { availableParallelism } from 'node:os'
import { runProcess } from './run-process.ts'
import { add, readSummary, type Summary, summaryLine } from './summary.ts'

const NOTHING: Summary = {
  faults: 0,
  events: 0,
  virtualHours: 0,
  lives: 0,
  caughtUpMs: 0,
  lost: 0,
  doubled: 0,
  reordered: 0,
  different: 0,
  violations: 0,
  steps: 0,
}

/**
 * Runs with this seed and those that follow it, each in a process of its own, as many at once as there are cores. `args`
 * are those of one run without its seed. What a run that failed has said is told whole, as soon as it ends, with the command that
 * shows it again; the last line sums up. Resolves to whether all were right.
 */
export async function runMany(
  args: readonly string[],
  seed: number,
  runs: number,
  tell: (text: string) => void,
): Promise<boolean> {
  let next = 0
  let total = NOTHING
  let failures = 0
  const work = async () => {
    while (next < runs) {
      const one = seed + next++
      const { code, output, errors } = await runProcess(...args, '--seed', String(one))
      const summary = readSummary(output)
      if (summary !== undefined) total = add(total, summary)
      if (code === 0 && summary !== undefined) continue
      failures++
      tell(`${output}${errors}again: npm run simulate -- ${args.join(' ')} --seed ${one}\n`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  if (failures > 0) tell(`${failures} of ${runs} runs failed\n`)
  tell(`${summaryLine(seed, total)}\n`)
  return failures === 0
}
