import { describe, expect, it } from 'vitest'
import { HostSequence } from './sequence.ts'

const HOUR = 3_600_000

function at(cursor: number | null, nowMs = { value: 0 }): HostSequence {
  const sequence = new HostSequence(() => nowMs.value)
  sequence.begin(cursor)
  return sequence
}

describe('Q11: seq rises within a connection', () => {
  it('a repeat and a step back are told apart from what rises', () => {
    const sequence = at(10)
    expect([11, 11, 5, 12].map((seq) => sequence.take(seq))).toEqual(['rises', 'repeats', 'repeats', 'rises'])
  })

  it('the cursor itself, sent again, is a repeat and no new sequence', () => {
    const sequence = at(10)
    expect(sequence.take(10)).toBe('repeats')
    expect(sequence.isNew).toBe(false)
  })

  it('more than a hundred that do not rise end the connection; the next one counts anew', () => {
    const sequence = at(10)
    sequence.take(11)
    const steps = Array.from({ length: 101 }, () => sequence.take(11))
    expect(steps.indexOf('stuck')).toBe(100)
    sequence.begin(11)
    expect(sequence.take(11)).toBe('repeats')
  })
})

describe('A2, Q12: a host that begins its sequence anew', () => {
  it('a first seq below the cursor says so, once an hour', () => {
    const now = { value: 0 }
    const sequence = at(10, now)
    expect(sequence.take(3)).toBe('anew')
    expect(sequence.isNew).toBe(true)
    sequence.noteEpoch()
    expect(sequence.isNew).toBe(false)
    sequence.begin(20)
    expect(sequence.take(3)).toBe('repeats')
    now.value += HOUR + 1
    sequence.begin(20)
    expect(sequence.take(3)).toBe('anew')
  })

  it('FutureCursor once parks it, twice in a row says so', () => {
    const sequence = at(10)
    sequence.noteFutureCursor()
    expect([sequence.isAhead, sequence.isNew]).toEqual([true, false])
    sequence.noteFutureCursor()
    expect(sequence.isNew).toBe(true)
  })

  it('an event between two of them begins the count again', () => {
    const sequence = at(10)
    sequence.noteFutureCursor()
    sequence.noteProgress()
    sequence.noteFutureCursor()
    expect(sequence.isNew).toBe(false)
  })

  it('a request for the host after FutureCursor says so, without it does not', () => {
    const sequence = at(10)
    sequence.noteAsked()
    expect(sequence.isNew).toBe(false)
    sequence.noteFutureCursor()
    sequence.noteAsked()
    expect(sequence.isNew).toBe(true)
  })

  it('a cursor that was moved on by guess proves nothing', () => {
    const sequence = at(10)
    sequence.noteUnreadable()
    sequence.begin(10)
    sequence.noteFutureCursor()
    sequence.noteFutureCursor()
    expect([sequence.isAhead, sequence.isNew]).toEqual([false, false])
    expect(sequence.take(3)).toBe('repeats')
  })
})

describe('G1: what cannot be read is stepped over', () => {
  it('one seq at a time first, then further, until something could be read', () => {
    const sequence = at(10)
    expect(sequence.begin(10)).toBe(10)
    const asked = Array.from({ length: 18 }, () => {
      sequence.noteUnreadable()
      return sequence.begin(10)
    })
    expect(asked.slice(0, 3)).toEqual([11, 12, 13])
    expect(asked.slice(15)).toEqual([26, 28, 30])
    sequence.noteProgress()
    expect(sequence.begin(10)).toBe(10)
    expect(sequence.begin(null)).toBe(null)
  })

  it('remembers broken frames of this epoch, a bounded number of them', () => {
    const sequence = at(0)
    for (let seq = 1; seq <= 1_025; seq++) sequence.noteBroken(seq)
    expect([sequence.isBroken(1), sequence.isBroken(2), sequence.isBroken(1_025)]).toEqual([
      false,
      true,
      true,
    ])
    sequence.noteEpoch()
    expect(sequence.isBroken(2)).toBe(false)
  })
})
