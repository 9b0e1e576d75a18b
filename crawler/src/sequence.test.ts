import { encodeFrame } from '@bgs/simnet/wire.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { HostSequence } from './sequence.ts'

const HOUR = 3_600_000
/** When the last event came in that these hosts had sent before. */
const LAST_MS = Date.parse('2026-11-01T00:00:00Z')

/** The time of day of this machine, and how far it has been set; both go on only where a test says so. */
const clock = { nowMs: LAST_MS, setBy: 0 }
const CLOCKS = { now: () => clock.nowMs + clock.setBy, monotonic: () => clock.nowMs - 1_000_000 }

beforeEach(() => {
  Object.assign(clock, { nowMs: LAST_MS, setBy: 0 })
})

/** A host of which so many events were read, made a minute before they came; the next one is read over a new connection. */
function at(cursor: number | null): HostSequence {
  const sequence = new HostSequence(CLOCKS, LAST_MS)
  sequence.begin(cursor)
  return sequence
}

/** An event of this seq, made so long after the last one came in. */
function frame(seq: number, afterMs = -60_000, handle = 'a.example.com'): Uint8Array {
  const time = new Date(LAST_MS + afterMs).toISOString()
  return encodeFrame('#identity', { did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', handle, seq, time })
}

const take = (sequence: HostSequence, seq: number, afterMs = -60_000) =>
  sequence.take(seq, frame(seq, afterMs))
/** Reads these, and begins another connection behind the last. */
function read(sequence: HostSequence, seqs: readonly number[], afterMs = -60_000): void {
  for (const seq of seqs) {
    expect(take(sequence, seq, afterMs)).toBe('rises')
    sequence.noteProgress()
  }
  sequence.begin(seqs.at(-1) as number)
}
const MADE_LATER = 60_000

describe('Q11: seq rises within a connection', () => {
  it('a repeat and a step back are told apart from what rises', () => {
    const sequence = at(10)
    expect([11, 11, 5, 12].map((seq) => take(sequence, seq))).toEqual([
      'rises',
      'repeats',
      'repeats',
      'rises',
    ])
  })

  it('more than a hundred that do not rise end the connection; the next one counts anew', () => {
    const sequence = at(10)
    take(sequence, 11)
    const steps = Array.from({ length: 101 }, () => take(sequence, 11))
    expect(steps.indexOf('stuck')).toBe(100)
    sequence.begin(11)
    take(sequence, 12)
    expect(take(sequence, 12)).toBe('repeats')
  })
})

describe('A1: a host that begins a replay at the cursor or before it', () => {
  it('the cursor itself, and what came before it, were read; what follows rises', () => {
    const sequence = at(null)
    read(sequence, [7, 8, 9, 10])
    expect([8, 9, 10, 11].map((seq) => take(sequence, seq))).toEqual(['behind', 'behind', 'behind', 'rises'])
    expect(sequence.isNew).toBe(false)
  })

  it('however much of it there is: it rises, so it ends nothing', () => {
    const sequence = at(10_000)
    for (let seq = 1; seq <= 10_000; seq++) expect(take(sequence, seq)).toBe('behind')
    expect(take(sequence, 10_001)).toBe('rises')
  })

  it('is known after a restart of the relay, too, by when its events were made', () => {
    expect(take(at(10), 8, -1)).toBe('behind')
    // Its clock goes ahead of ours.
    expect(take(at(10), 8, 1_500)).toBe('behind')
  })

  it('a host whose clock goes an hour ahead is known by its frames', () => {
    const sequence = at(null)
    for (const seq of [8, 9, 10]) {
      take(sequence, seq, HOUR)
      sequence.noteProgress()
    }
    sequence.begin(10)
    expect([9, 10].map((seq) => take(sequence, seq, HOUR))).toEqual(['behind', 'behind'])
  })

  it('one that comes again and again over one connection is stuck', () => {
    const sequence = at(10)
    const steps = Array.from({ length: 102 }, () => take(sequence, 8))
    expect([steps[0], steps[1], steps[101]]).toEqual(['behind', 'repeats', 'stuck'])
  })

  it('without a time that can be read nothing is known, and nothing is begun', () => {
    const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
    expect(at(10).take(3, encodeFrame('#identity', { did, seq: 3, time: 'soon' }))).toBe('behind')
    expect(at(10).take(3, encodeFrame('#identity', { did, seq: 3 }))).toBe('behind')
    expect(at(10).take(3, Uint8Array.of(1, 2, 3))).toBe('behind')
  })
})

describe('A2, Q12: a host that begins its sequence anew', () => {
  it('a seq below the cursor, of an event made since, says so, once an hour', () => {
    const sequence = at(10)
    clock.nowMs += MADE_LATER
    expect(take(sequence, 3, MADE_LATER)).toBe('anew')
    expect(sequence.isNew).toBe(true)
    sequence.noteEpoch()
    expect(sequence.isNew).toBe(false)
    sequence.begin(20)
    expect(take(sequence, 3, MADE_LATER)).toBe('repeats')
    clock.nowMs += HOUR + 1
    sequence.begin(20)
    expect(take(sequence, 3, MADE_LATER)).toBe('anew')
  })

  it('restored from a backup that is slightly behind: another event has the seq of one that was read', () => {
    const sequence = at(null)
    read(sequence, [6, 7, 8, 9, 10])
    expect(take(sequence, 8, MADE_LATER)).toBe('anew')
  })

  it('that, and it replays somewhat too much: what is the same is passed over, the first other one says it', () => {
    const sequence = at(null)
    read(sequence, [6, 7, 8, 9, 10])
    expect([7, 8].map((seq) => take(sequence, seq))).toEqual(['behind', 'behind'])
    expect(take(sequence, 9, MADE_LATER)).toBe('anew')
  })

  it('restored to a place behind what is safe: the first other event above the cursor says it', () => {
    const sequence = at(null)
    read(sequence, [6, 7, 8, 9, 10])
    sequence.begin(7)
    expect(take(sequence, 8)).toBe('rises')
    sequence.noteProgress()
    expect(take(sequence, 9, MADE_LATER)).toBe('anew')
  })

  it('within the same instant: the last event that was read was made before', () => {
    const sequence = at(null)
    read(sequence, [98, 99, 100], 0)
    expect(take(sequence, 1, 0)).toBe('anew')
  })

  it('a time that this clock has not reached says nothing, unless another frame had its seq', () => {
    const sequence = at(null)
    read(sequence, [6, 7, 8])
    // This machine's clock is set back, or the host's ahead: what is read once more would look as if it were new.
    clock.setBy = -HOUR
    expect(take(at(10), 9)).toBe('behind')
    expect(take(sequence, 5)).toBe('behind')
    expect(take(sequence, 7, MADE_LATER)).toBe('anew')
  })

  it('what came while the clock was slow is known once it is right again, within this process', () => {
    const sequence = at(null)
    clock.setBy = -HOUR
    read(
      sequence,
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
    clock.setBy = 0
    clock.nowMs += 1_000
    expect(take(sequence, 3)).toBe('behind')
    clock.nowMs += MADE_LATER
    expect(take(sequence, 4, MADE_LATER)).toBe('anew')
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

  it('FutureCursor behind a cursor that was moved on by guess proves nothing', () => {
    const sequence = at(10)
    sequence.noteUnreadable()
    sequence.begin(10)
    sequence.noteFutureCursor()
    sequence.noteFutureCursor()
    expect([sequence.isAhead, sequence.isNew]).toEqual([false, false])
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

  it('but not past what is still on its way in front of it', () => {
    const sequence = at(10)
    for (const seq of [11, 12]) {
      expect(take(sequence, seq)).toBe('rises')
      sequence.noteProgress()
    }
    sequence.noteUnreadable()
    expect(sequence.begin(10), '11 waits').toBe(10)
    for (const seq of [11, 12]) {
      expect(take(sequence, seq)).toBe('rises')
      sequence.noteProgress()
    }
    sequence.noteUnreadable()
    expect(sequence.begin(12), 'both are done').toBe(13)
  })

  it('a message that may have been spoilt on its way is asked for once more', () => {
    const sequence = at(10)
    sequence.noteSpoilt()
    expect(sequence.begin(10)).toBe(10)
    sequence.noteSpoilt()
    expect(sequence.begin(10)).toBe(11)
    sequence.noteProgress()
    sequence.noteSpoilt()
    expect(sequence.begin(12)).toBe(12)
  })

  it('an event that the step went past, as the host had yet to make it, is taken', () => {
    const sequence = at(10)
    for (let i = 0; i < 5; i++) sequence.noteUnreadable()
    expect(sequence.begin(10)).toBe(15)
    expect(take(sequence, 11)).toBe('rises')
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
