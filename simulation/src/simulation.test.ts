import { describe, expect, it } from 'vitest'
import { runProcess } from './run-process.ts'
import { readSummary } from './summary.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const RUN_MS = 120_000

/** Runs with these have found faults of the relay, or of a model, before. What they found has tests of its own. */
const KEPT = [
  { seed: 1, minutes: 6, rate: 2 },
  { seed: 2, minutes: 6, rate: 2 },
  { seed: 4, minutes: 6, rate: 2 },
  { seed: 8, minutes: 6, rate: 2 },
  { seed: 1, minutes: 4, rate: 3 },
  { seed: 2, minutes: 4, rate: 3 },
  { seed: 23, minutes: 4, rate: 3 },
]

describe('the relay in virtual time, under faults', { timeout: RUN_MS }, () => {
  it.concurrent.each(KEPT)(
    'invariants 2, 3, 10, 11, 15: nothing is lost, doubled, reordered or different with $seed, $minutes minutes, $rate/s',
    async ({ seed, minutes, rate }) => {
      const options = { seed, minutes, rate, faults: 60 }
      const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
      const { code, output } = await runProcess(...args)
      expect(code, output).toBe(0)
      expect(output).toMatch(/^simulation: seed \d+, 60 faults, \d+ events, .*violations 0/)
    },
  )

  it(`survives 10,000 faults (TEST_SEED=${SEED})`, { timeout: 300_000 }, async () => {
    const { code, output } = await runProcess(
      ...['--seed', String(SEED), '--runs', '5', '--faults', '2000', '--minutes', '40', '--rate', '1'],
    )
    expect(code, output).toBe(0)
    expect(readSummary(output)).toMatchObject({
      faults: 10_000,
      lost: 0,
      doubled: 0,
      reordered: 0,
      different: 0,
    })
  })

  it('takes the same steps for the same seed', async () => {
    const run = () => runProcess('--seed', String(SEED), '--faults', '20', '--minutes', '2', '--rate', '2')
    const [one, other] = await Promise.all([run(), run()])
    expect(one.output).toMatch(/, \d+ steps$/m)
    expect(other.output).toBe(one.output)
  })

  it.each([
    [['--scenario', 'moon'], /--scenario: there is no moon, only embedded/],
    [['--seed', 'x'], /--seed: x is no whole number/],
    [['--minutes=-1'], /--minutes: -1 is no number above 0/],
    [['--mutation', 'none'], /--mutation: there is no none/],
    [['--fast'], /--fast/],
  ])('refuses %j with 2, and says what there is', async (args, says) => {
    const { code, errors } = await runProcess(...args)
    expect(code).toBe(2)
    expect(errors).toMatch(says)
    expect(errors).toContain('usage: npm run simulate')
  })
})
