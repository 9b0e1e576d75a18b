import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, 'main.ts')

export interface Shrunk {
  /** Numbers of the faults that are left; undefined: with all of them nothing is wrong. */
  readonly faults: readonly number[] | undefined
  /** What the last run that failed has said. */
  readonly text: string
}

/**
 * Leaves faults out, half of them at first and one by one in the end, as long as the run still fails. Each run is a process:
 * a world is made once in each. `args` are those of a run, without `--only`.
 */
export function shrink(args: readonly string[], faults: number): Shrunk {
  const run = (only: readonly number[]) =>
    spawnSync(process.execPath, [MAIN, ...args, `--only=${only.join(',')}`], { encoding: 'utf8' })
  let left = Array.from({ length: faults }, (_, i) => i + 1)
  let failed = run(left)
  if (failed.status !== 1) return { faults: undefined, text: failed.stdout }
  for (let part = Math.ceil(left.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let at = 0; at < left.length; ) {
      const without = left.toSpliced(at, part)
      const tried = run(without)
      if (tried.status === 1) {
        left = without
        failed = tried
      } else at += part
    }
  }
  return { faults: left, text: failed.stdout }
}
