import { describe, expect, it } from 'vitest'
import { InputPositions } from './input-positions.ts'

const entry = (partition: number, position: number) => ({ partition, position, value: null })
const FIRST = { verified: 1, control: 1 }

function taken(generations = FIRST): InputPositions {
  const positions = InputPositions.decode(null, generations)
  positions.takeVerified(entry(2, 40_961))
  positions.takeVerified(entry(0, 5))
  positions.takeControl(entry(0, 2 ** 50))
  return positions
}

describe('input positions', () => {
  it('begin at the beginning, follow what is taken, and come back as they were', () => {
    const back = InputPositions.decode(taken().encode(), FIRST)
    expect(back).toEqual(taken())
    expect([back.verified, back.control]).toEqual([[6, 0, 40_962], 2 ** 50 + 1])
  })

  it('of a topic that was made anew count for nothing (invariant 2)', () => {
    const bytes = taken().encode()
    const { verified, control } = InputPositions.decode(bytes, { verified: 2, control: 1 })
    expect([verified, control]).toEqual([[], 2 ** 50 + 1])
    const other = InputPositions.decode(bytes, { verified: 1, control: 3 })
    expect([other.verified, other.control]).toEqual([[6, 0, 40_962], 0])
    expect(InputPositions.decode(other.encode(), FIRST).control, 'generation 3 is not 1').toBe(0)
  })

  it('are read as the version before wrote them', () => {
    const bytes = Buffer.alloc(11 + 2 * 8)
    bytes[0] = 1
    bytes.writeUInt16LE(2, 1)
    for (const [i, position] of [9, 7, 8].entries()) bytes.writeDoubleLE(position, 3 + i * 8)
    const { verified, control } = InputPositions.decode(bytes, FIRST)
    expect([verified, control]).toEqual([[7, 8], 9])
  })

  it('stop at a format that is not known (invariant 17)', () => {
    const bytes = taken().encode()
    bytes[0] = 3
    expect(() => InputPositions.decode(bytes, FIRST)).toThrow('of format 3')
  })
})
