import { afterEach, expect, it } from 'vitest'
import { beginSpan, inSpan, traceWith } from './spans.ts'

afterEach(() => traceWith(undefined))

it('without a tracer work is done, and nothing else', async () => {
  expect(beginSpan('append', {})).toBeUndefined()
  const result = Promise.resolve(1)
  expect(inSpan('append', {}, () => result)).toBe(result)
})

it('a span ends with its work, and says what went wrong', async () => {
  const ended: unknown[] = []
  traceWith((name, attributes) => ({ end: (error) => ended.push([name, attributes, error]) }))
  expect(await inSpan('append', { entries: 2 }, async () => 3)).toBe(3)
  const failed = inSpan('write view', {}, () => Promise.reject(new Error('no space')))
  await expect(failed).rejects.toThrow('no space')
  expect(ended).toEqual([
    ['append', { entries: 2 }, undefined],
    ['write view', {}, 'no space'],
  ])
})
