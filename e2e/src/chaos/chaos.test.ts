import { expect, it } from 'vitest'
import { chaosLine, runChaos } from './chaos.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
/** By night and by hand `npm run chaos` does more. */
const FAULTS = 40

it(`chaos: nothing lost, doubled, reordered or different (TEST_SEED=${SEED}: npm run chaos -- --seed ${SEED})`, {
  timeout: 600_000,
}, async () => {
  // The name of a test is shown at its end; a run that is ended before is told by its seed, too.
  process.stdout.write(`chaos: TEST_SEED=${SEED}\n`)
  const output: string[] = []
  const result = await runChaos({
    seed: SEED,
    faults: FAULTS,
    ms: 120_000,
    ratePerSecond: 50,
    print: (line) => output.push(line),
  })
  process.stdout.write(`${chaosLine(result)}\n`)
  expect(result.findings, output.join('\n')).toEqual([])
  expect(result.faults).toBeGreaterThan(FAULTS / 2)
  expect(result.events).toBeGreaterThan(1_000)
})
