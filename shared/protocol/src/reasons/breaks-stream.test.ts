import { expect, it } from 'vitest'
import { breaksStream } from './breaks-stream.ts'

it('G1, W4: only what is wrong with the event itself leaves the stream open', () => {
  expect(breaksStream('did-syntax') || breaksStream('frame-fields')).toBe(false)
  expect(breaksStream('frame-malformed') && breaksStream('frame-not-canonical')).toBe(true)
})
