/** `npm run simulate -- [options]`: ends with 1 where an invariant does not hold, with 2 and the list of options where one is unknown. */
import { mutate } from './mutations.ts'
import { readOptions, USAGE, without } from './options.ts'
import { runMany } from './runs.ts'
import { shrink } from './shrink.ts'
import { createWorld } from './world/world.ts'

const args = process.argv.slice(2)
const options = readOptions(args)
if ('problem' in options) {
  process.stderr.write(`${options.problem}\n${USAGE}`)
  process.exit(2)
}
if (options.shrink) {
  const same = args.filter((one) => one !== '--shrink')
  if (!args.some((one) => one.startsWith('--seed'))) same.push(`--seed=${options.seed}`)
  const { faults, text } = shrink(same, options.faults)
  process.stdout.write(text)
  if (faults !== undefined)
    process.stdout.write(`again: npm run simulate -- ${same.join(' ')} --only ${faults.join(',')}\n`)
  process.exit(faults === undefined ? 0 : 1)
}
if (options.runs > 1) {
  const print = (text: string) => process.stdout.write(text)
  const isRight = await runMany(without(args, 'seed', 'runs'), options.seed, options.runs, print)
  process.exit(isRight ? 0 : 1)
}
const now = performance.now.bind(performance)
const begunMs = now()
const world = createWorld(options.seed)
if (options.mutation !== undefined) mutate(options.mutation)
// Only now: what is loaded from here on finds the world's clocks, timers and network.
const { simulate } = await import('./simulate.ts')
const { text, isRight } = await simulate(world, options)
process.stderr.write(`${((now() - begunMs) / 1_000).toFixed(1)} s of wall time\n`)
// A pipe takes a long text bit by bit: the end waits for all of it.
process.stdout.write(text, () => process.exit(isRight ? 0 : 1))
