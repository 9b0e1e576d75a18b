import { describe, expect, it } from 'vitest'
import { InputPositions } from './input-positions.ts'

const entry = (partition: number, position: number) => ({ partition, position, value: null })

describe('input positions', () => {
  it('begin at the beginning, follow what is taken, and come back as they were', () => {
    const positions = InputPositions.decode(null)
    positions.takeVerified(entry(2, 40_961))
    positions.takeVerified(entry(0, 5))
    positions.takeControl(entry(0, 2 ** 50))
    const back = InputPositions.decode(positions.encode())
    expect(back).toEqual(positions)
    expect([back.verified, back.control]).toEqual([[6, 0, 40_962], 2 ** 50 + 1])
  })

  it('stop at a format that is not known (invariant 17)', () => {
    const bytes = InputPositions.decode(null).encode()
    bytes[0] = 2
    expect(() => InputPositions.decode(bytes)).toThrow('of format 2')
  })
})
