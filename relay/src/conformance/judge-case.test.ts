import { readFrameCases } from '@bgs/shared/testing/vectors.ts'
import { describe, expect, it } from 'vitest'
import { FrameCase } from './case.ts'
import { judgeCase } from './judge-case.ts'

const cases = readFrameCases()

describe.skipIf(cases === null)('conformance: every frame case (vectors, frame-cases.jsonl.gz)', () => {
  it.each((cases ?? []).map((one) => FrameCase.parse(one)).map((one) => [one.name, one] as const))(
    '%s',
    async (_, one) => {
      expect((await judgeCase(one)).got).toBe(one.expect)
    },
  )
})
