import { describe, expect, it } from 'vitest'
import { ago, bytes, count, moment, perSecond, seconds } from './format.ts'

describe('figures as they are read', () => {
  it.each([
    [count(1_234_567), '1,234,567'],
    [count(null), '–'],
    [perSecond(0), '0'],
    [perSecond(0.5), '0.50'],
    [perSecond(12.34), '12.3'],
    [perSecond(12_345.6), '12,346'],
    [bytes(0), '0 B'],
    [bytes(1_536), '1.5 KiB'],
    [bytes(300 * 1_024 * 1_024), '300 MiB'],
    [bytes(5_000 * 2 ** 40), '5000 TiB'],
    [seconds(0.0012), '1.2 ms'],
    [seconds(0.25), '250 ms'],
    [seconds(2.5), '2.5 s'],
    [seconds(150), '2 min'],
    [seconds(7_500), '2 h 5 min'],
    [seconds(100_000), '1 d 3 h'],
    [seconds(undefined), '–'],
    [ago(0, 5_000), 'never'],
    [ago(4_900, 5_000), 'now'],
    [ago(1_000, 5_000), '4 s ago'],
    [ago(1_000, 181_000), '3 min ago'],
    [moment(0), 'never'],
  ])('%s', (is, wanted) => {
    expect(is).toBe(wanted)
  })
})
