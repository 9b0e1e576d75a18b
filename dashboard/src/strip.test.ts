import { expect, it, vi } from 'vitest'
import { stripAll } from './strip.ts'

it('types become blanks, and no warning is lost but the one about that', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  expect(stripAll(['const a: number = 1'])).toEqual(['const a         = 1'])
  process.emitWarning('another')
  expect(warn.mock.calls).toEqual([['another']])
  warn.mockRestore()
})

it('what is no TypeScript is said, and warnings are heard again', () => {
  const warn = process.emitWarning
  expect(() => stripAll(['const = :'])).toThrow()
  expect(process.emitWarning).toBe(warn)
})
