import { describe, expect, it } from 'vitest'
import { InputPositions } from './input-positions.ts'

const entry = (partition: number, position: number, leaderEpoch = 7) => ({
  partition,
  position,
  value: null,
  leaderEpoch,
})
const nexts = ({ verified }: InputPositions) => verified.map(({ next }) => next)
const FIRST = { verified: 1, control: 1 }

function taken(generations = FIRST): InputPositions {
  const positions = InputPositions.decode(null, generations)
  positions.takeVerified(entry(2, 40_961, 8))
  positions.takeVerified(entry(0, 5))
  positions.takeControl(entry(0, 2 ** 50, 9))
  return positions
}

describe('input positions', () => {
  it('begin at the beginning, follow what is taken, and come back as they were', () => {
    const back = InputPositions.decode(taken().encode(), FIRST)
    expect(back).toEqual(taken())
    expect(back.verified).toEqual([
      { next: 6, epoch: 7 },
      { next: 0, epoch: -1 },
      { next: 40_962, epoch: 8 },
    ])
    expect(back.control).toEqual({ next: 2 ** 50 + 1, epoch: 9 })
  })

  it('of a topic that was made anew count for nothing (invariant 2)', () => {
    const bytes = taken().encode()
    const anew = InputPositions.decode(bytes, { verified: 2, control: 1 })
    expect([anew.verified, anew.control.next]).toEqual([[], 2 ** 50 + 1])
    const other = InputPositions.decode(bytes, { verified: 1, control: 3 })
    expect([nexts(other), other.control]).toEqual([[6, 0, 40_962], { next: 0, epoch: -1 }])
    expect(InputPositions.decode(other.encode(), FIRST).control.next, 'generation 3 is not 1').toBe(0)
  })

  it('are read as the version before wrote them', () => {
    const bytes = Buffer.alloc(27 + 2 * 8)
    bytes[0] = 2
    bytes.writeUInt16LE(2, 1)
    for (const [i, value] of [9, 1, 1, 7, 8].entries()) bytes.writeDoubleLE(value, 3 + i * 8)
    const { verified, control } = InputPositions.decode(bytes, FIRST)
    expect([...verified, control]).toEqual([7, 8, 9].map((next) => ({ next, epoch: -1 })))
  })

  it('stop at a format that is not known (invariant 17)', () => {
    const bytes = taken().encode()
    bytes[0] = 4
    expect(() => InputPositions.decode(bytes, FIRST)).toThrow('of format 4')
  })
})
