import { expect, it } from 'vitest'
import { kilobytesPerHost } from './hosts.ts'

it('what a host takes is what all further ones take together', () => {
  expect(kilobytesPerHost({ hosts: 1, idleRssMiB: 100 }, { hosts: 1_025, idleRssMiB: 112 })).toBe(12)
})

it('a run is not held against itself', () => {
  const run = { hosts: 1, idleRssMiB: 100 }
  expect(kilobytesPerHost(run, run)).toBeNull()
})
