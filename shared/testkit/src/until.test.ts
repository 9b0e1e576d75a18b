import { expect, it } from 'vitest'
import { DeadlineError, until } from './until.ts'

it('resolves once the condition holds, of this process or of another one', async () => {
  let looks = 0
  await until('the third look', () => ++looks === 3)
  expect(looks).toBe(3)
  await until('the fifth', () => Promise.resolve(++looks === 5))
  expect(looks).toBe(5)
})

it('says after the deadline what was awaited, and how it stood', async () => {
  let looks = 0
  const never = until(
    'a thing',
    () => ++looks < 0,
    10,
    () => `looked at ${looks} times`,
  )
  await expect(never).rejects.toThrow(DeadlineError)
  await expect(never).rejects.toThrow(`not within 10 ms: a thing. looked at ${looks} times`)
})

it('rejects as the condition does', async () => {
  await expect(until('it', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
})
