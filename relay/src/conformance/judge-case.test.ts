import { readFrameCases, vectorsFolder } from '@bgs/testkit/vectors.ts'
import { describe, expect, it } from 'vitest'
import { FrameCase } from './case.ts'
import { judgeCase } from './judge-case.ts'

const isAbsent = vectorsFolder() === null
const cases = isAbsent ? [] : readFrameCases()

describe.skipIf(isAbsent)('conformance: every frame case (the vectors beside the project)', () => {
  it.each(cases.map((one) => FrameCase.parse(one)).map((one) => [one.name, one] as const))(
    '%s',
    async (_, one) => {
      expect((await judgeCase(one)).got).toBe(one.expect)
    },
  )
})
