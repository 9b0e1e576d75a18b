import { readFrameCases } from '@bgs/testkit/vectors.ts'
import { describe, expect, it } from 'vitest'
import { FrameCase } from './case.ts'
import { checkCase } from './check-case.ts'

describe('conformance: every frame case', () => {
  it('there are as many as their README says', () => {
    expect(readFrameCases()).toHaveLength(59)
  })

  it.each(
    readFrameCases()
      .map((one) => FrameCase.parse(one))
      .map((one) => [one.name, one] as const),
  )('%s', async (_, one) => {
    expect((await checkCase(one)).got).toBe(one.expect)
  })
})
