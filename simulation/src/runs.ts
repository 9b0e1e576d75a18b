import { availableParallelism } from 'node:os'
import { runProcess } from './run-process.ts'
import { readSummary, type Summary, summaryLine, total } from './summary.ts'

/**
 * Runs with this seed and those that follow it, each in a process of its own, as many at once as there are cores. `args`
 * are those of one run without its seed. Prints the output of each run that fails, as soon as it ends, with the command that
 * repeats it, and a last line that sums up. Resolves to whether all were right.
 */
export async function runMany(
  args: readonly string[],
  seed: number,
  runs: number,
  print: (text: string) => void,
): Promise<boolean> {
  let next = 0
  const summaries: Summary[] = []
  let failures = 0
  const work = async () => {
    while (next < runs) {
      const one = seed + next++
      const { code, output, errors } = await runProcess(...args, '--seed', String(one))
      const summary = readSummary(output)
      if (summary !== undefined) summaries.push(summary)
      if (code === 0 && summary !== undefined) continue
      failures++
      print(`${output}${errors}again: npm run simulate -- ${args.join(' ')} --seed ${one}\n`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  if (failures > 0) print(`${failures} of ${runs} runs failed\n`)
  print(`${summaryLine(seed, total(summaries))}\n`)
  return failures === 0
}
