import { closeSync, openSync } from 'node:fs'
import { expect, it } from 'vitest'
import { Descriptors, descriptorLimit } from './descriptors.ts'

it('strangers get no more while hosts and operators still do, and these none of what the log needs', () => {
  let lowest = 0
  const descriptors = new Descriptors(1_000, () => lowest)
  const short = () => (['stranger', 'host', 'operator'] as const).filter((use) => descriptors.isShort(use))
  const seen = new Map<number, string[]>()
  for (lowest of [10, 749, 750, 874, 875, 999]) seen.set(lowest, short())
  expect([...seen.values()]).toEqual([
    [],
    [],
    ['stranger'],
    ['stranger'],
    ['stranger', 'host', 'operator'],
    ['stranger', 'host', 'operator'],
  ])
})

it('keeps no more back of many than it needs, and is short where none can be opened', () => {
  const many = new Descriptors(1_000_000, () => 999_743)
  expect(many.isShort('stranger')).toBe(false)
  const none = new Descriptors(1_000_000, () => {
    throw new Error('EMFILE')
  })
  expect(none.isShort('host')).toBe(true)
})

it('knows by the number of one that is opened how many are open', () => {
  expect(descriptorLimit()).toBeGreaterThan(100)
  const opened = Array.from({ length: 120 }, () => openSync('/dev/null', 'r'))
  const highest = Math.max(...opened)
  const descriptors = new Descriptors(Math.ceil((highest * 4) / 3))
  expect(descriptors.isShort('stranger')).toBe(true)
  for (const one of opened) closeSync(one)
  expect(descriptors.isShort('stranger')).toBe(false)
})
