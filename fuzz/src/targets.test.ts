import { describe, expect, it } from 'vitest'
import { runTarget } from './run-target.ts'
import { TARGET_NAMES, TARGETS, type TargetName } from './targets.ts'

/** A short run; `npm run fuzz` goes on. */
const INPUTS: Record<TargetName, number> = {
  scanner: 500,
  car: 1_000,
  mst: 600,
  http: 150,
  identity: 2_000,
  encoders: 600,
  stored: 800,
}
const SEED = Number(process.env['TEST_SEED'] ?? 7)

/** What a run that gets as deep as it should sees. */
const SEEN: Record<TargetName, readonly string[]> = {
  scanner: [
    'passed #commit',
    'passed #identity',
    'passed #account',
    'frame-malformed',
    'car-block-hash',
    'signature-invalid',
  ],
  car: ['car with a commit', 'car-malformed', 'car-block-hash'],
  mst: ['inverted', 'mst-malformed', 'op-not-in-tree', 'inversion-mismatch', 'commit-malformed'],
  http: ['200', '400', '404', '501', '101'],
  encoders: ['written #commit', 'written #account', 'written #identity', 'time-syntax', 'rejected'],
  stored: ['passed', 'time-syntax', 'frame-fields', 'car-block-hash'],
  identity: ['found', 'identity-malformed', 'identity-no-key', 'identity-no-pds'],
}

describe('what strangers send', () => {
  it.each(TARGET_NAMES)(
    '%s: every input has a verdict, and nothing else happens',
    async (name) => {
      await using target = await TARGETS[name]()
      const { inputs, verdicts, failure } = await runTarget(target, SEED, {
        inputs: INPUTS[name],
        seconds: 60,
      })
      expect(failure).toBe(null)
      expect(inputs).toBe(INPUTS[name])
      expect(Object.keys(verdicts)).toEqual(expect.arrayContaining([...SEEN[name]]))
    },
    30_000,
  )
})
