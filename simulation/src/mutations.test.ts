import { expect, it } from 'vitest'
import { MUTATIONS } from './mutations.ts'
import { runProcess } from './run-process.ts'

/** A seed of each, and the faults of its run that are enough (`--shrink` finds them). */
const FOUND: Readonly<Record<keyof typeof MUTATIONS, readonly [seed: number, only: string]>> = {
  'done-before-durable': [3, '27,28,30'],
  'cursor-past-what-is-on-its-way': [9, '17,18,19'],
  'write-not-synced': [2, '58'],
  'repeats-taken-again': [2, '57,58'],
  'raw-positions-forgotten': [2, '57,58'],
  'torn-tail-kept': [8, '8,12'],
  'log-not-replayed': [2, '58'],
  'page-taken-for-the-directory': [3, '10,11'],
  'errors-taken-for-answers': [2, '9,10'],
  'rotated-keys-not-looked-up': [5, '20,22,24,26'],
  'clock-believed': [2, '29'],
  'full-disk-ends-the-process': [2, '55'],
  'host-given-up': [2, '53'],
  'subscriber-skips': [2, '59'],
  'queue-out-of-order': [2, '40,41,51,57'],
  'view-ahead-of-its-rows': [2, '57,58'],
}

it('has a seed for each fault that can be put into the product', () =>
  expect(Object.keys(FOUND).sort()).toEqual(Object.keys(MUTATIONS).sort()))

it.concurrent.each(Object.entries(FOUND))('finds %s', { timeout: 120_000 }, async (name, [seed, only]) => {
  const args = ['--seed', String(seed), '--faults', '60', '--minutes', '4', '--rate', '3', '--only', only]
  const [whole, mutated] = await Promise.all([runProcess(...args), runProcess(...args, '--mutation', name)])
  // Else it would not be the mutation that is found.
  expect(whole.code, whole.output).toBe(0)
  const { code, output } = mutated
  expect(code, output).toBe(1)
  expect(output).toMatch(/^violation at [\d.]+ s, step \d+: /m)
})
