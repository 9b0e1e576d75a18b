import { expect, it } from 'vitest'
import { AnswerRate } from './answer-rate.ts'

it('a directory that fails for half of those who ask is unwell, until half a minute after it is well again', () => {
  let nowMs = 0
  const rate = new AnswerRate(() => nowMs)
  for (let n = 0; n < 20; n++) {
    nowMs += 100
    if (n % 2 === 0) rate.noteFailure(`did ${n}`)
    else rate.noteAnswer()
  }
  expect(rate.areFlaky).toBe(true)
  nowMs += 31_000
  expect(rate.areFlaky).toBe(false)
})

it('one DID that it never answers for says nothing about the directory, nor do a few among many', () => {
  let nowMs = 0
  const rate = new AnswerRate(() => nowMs)
  for (let n = 0; n < 50; n++) rate.noteFailure('the same')
  expect(rate.areFlaky).toBe(false)
  for (let n = 0; n < 2_000; n++) {
    nowMs += 5
    rate.noteAnswer()
    if (n % 400 === 0) rate.noteFailure(`did ${n}`)
  }
  expect(rate.areFlaky).toBe(false)
})
