import { expect, it } from 'vitest'
import { MUTATIONS } from './mutations.ts'
import { runProcess } from './run-process.ts'

const EMBEDDED = '--faults 60 --minutes 4 --rate 3 --patience 4'
const CLUSTER = '--scenario cluster --faults 100 --minutes 1 --rate 4 --patience 3'

/** A run that finds each, with the faults that are enough where it could be shrunk (`--shrink` finds them). */
const FOUND: Readonly<Record<keyof typeof MUTATIONS, string>> = {
  'done-before-durable': `${EMBEDDED} --seed 3 --only 27,28,30`,
  'cursor-past-what-is-on-its-way': `${EMBEDDED} --seed 9 --only 17,18,19`,
  'write-not-synced': `${EMBEDDED} --seed 2 --only 58`,
  'repeats-taken-again': `${EMBEDDED} --seed 2 --only 57,58`,
  'raw-positions-forgotten': `${EMBEDDED} --seed 2 --only 57,58`,
  'torn-tail-kept': `${EMBEDDED} --seed 8 --only 8,12`,
  'log-not-replayed': `${EMBEDDED} --seed 2 --only 58`,
  'page-taken-for-the-directory': `${EMBEDDED} --seed 3 --only 10,11`,
  'errors-taken-for-answers': `${EMBEDDED} --seed 2 --only 9,10`,
  'rotated-keys-not-looked-up': `${EMBEDDED} --seed 5`,
  'clock-believed': `${EMBEDDED} --seed 2 --only 29`,
  'full-disk-ends-the-process': `${EMBEDDED} --seed 2 --only 55`,
  'host-given-up': `${EMBEDDED} --seed 2 --only 53`,
  'subscriber-skips': `${EMBEDDED} --seed 2 --only 59`,
  'queue-out-of-order': `${EMBEDDED} --seed 2 --only 40,41,51,57`,
  'cursor-after-what-was-read': `${EMBEDDED} --seed 2`,
  'view-ahead-of-its-rows': `${EMBEDDED} --seed 2 --only 57,58`,
  'copy-begins-where-it-was-named': `${CLUSTER} --seed 2`,
  'new-leader-begins-at-the-end': `${CLUSTER} --seed 2`,
  'position-past-what-is-open': `${CLUSTER} --seed 3`,
  'end-believed-before-epochs':
    '--scenario cluster --faults 500 --minutes 3 --rate 4 --patience 3 --seed 2016',
}

/** Of several the same: each is done once. */
const wholes = new Map<string, ReturnType<typeof runProcess>>()
const wholeRun = (line: string) => {
  const run = wholes.get(line) ?? runProcess(...line.split(' '))
  wholes.set(line, run)
  return run
}

it('has a run for each fault that can be put into the product', () =>
  expect(Object.keys(FOUND).sort()).toEqual(Object.keys(MUTATIONS).sort()))

it.concurrent.each(Object.entries(FOUND))('finds %s', { timeout: 600_000 }, async (name, line) => {
  const args = line.split(' ')
  const [whole, mutated] = await Promise.all([wholeRun(line), runProcess(...args, '--mutation', name)])
  // Else it would not be the mutation that is found.
  expect(whole.code, whole.output).toBe(0)
  const { code, output } = mutated
  expect(code, output).toBe(1)
  expect(output).toMatch(/^violation at [\d.]+ s, step \d+: /m)
})
