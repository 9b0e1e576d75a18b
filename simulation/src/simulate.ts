import type { Options } from './options.ts'
import { RunLog } from './run-log.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'
import { summaryLine } from './summary.ts'
import type { World } from './world/world.ts'

/** Runs a scenario to its end. `text` is what there is to say of it; the last line is the summary. */
export async function simulate(
  world: World,
  options: Options,
): Promise<{ readonly text: string; readonly isRight: boolean }> {
  const { scheduler, director } = world
  const log = new RunLog(scheduler)
  const lines: string[] = []
  try {
    const run = await SCENARIOS[options.scenario](world)
    const outcome = await scheduler.until(director.run(() => run(log, options)))
    lines.push(
      summaryLine(options.seed, {
        ...outcome,
        caughtUpMs: outcome.caughtUpMs ?? -1,
        virtualHours: scheduler.nowMs / 3_600_000,
        violations: log.violations.length,
        steps: scheduler.steps,
      }),
    )
  } catch (error) {
    log.violation('the run did not come to its end', error)
    lines.push(`simulation: seed ${options.seed}, not finished, violations ${log.violations.length}`)
  }
  if (log.violations.length === 0) return { text: `${lines.join('\n')}\n`, isRight: true }
  const told = log.violations
    .slice(0, 20)
    .map(({ what, atMs, step }) => `violation at ${(atMs / 1_000).toFixed(3)} s, step ${step}: ${what}`)
  return {
    text: `${['history, the last of it:', ...log.history, ...told, ...lines].join('\n')}\n`,
    isRight: false,
  }
}
