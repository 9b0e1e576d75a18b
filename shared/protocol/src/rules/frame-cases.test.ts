import { type FrameCase, readFrameCases } from '@bgs/testkit/vectors.ts'
import { describe, expect, test } from 'vitest'
import { cidFromText, equalCids } from '../drisl/cid.ts'
import { scanFrame, scanHead } from '../frame/scan.ts'
import { type PublicKey, parsePublicKey } from '../signature/public-key.ts'
import { verifyCommit } from './commit.ts'
import { verifySync } from './sync.ts'

/** What needs the account or the identity service is judged by others. */
const NOT_HERE = new Set(['drop-inactive', 'refresh-then-drop'])

function keyOf(doc: FrameCase['didDoc']): PublicKey | null {
  const method = doc?.verificationMethod?.find(({ id }) => id.endsWith('#atproto'))
  return method === undefined ? null : parsePublicKey(method.type, method.publicKeyMultibase)
}

function verifyWith(testCase: FrameCase, key: PublicKey): string {
  const bytes = Uint8Array.from(Buffer.from(testCase.frame, 'base64'))
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection') return frame.reason === 'frame-fields' ? 'drop-invalid' : 'disconnect'
  if (frame.type === 'unknown' || frame.type === '#info') return 'ignore'
  if (frame.type === 'error') return 'close'
  if (frame.type === '#identity' || frame.type === '#account') return 'emit'
  const context = { key, nowMs: testCase.nowMs, lenient: false }
  const { prev } = testCase
  if (frame.type === '#commit') {
    const facts = verifyCommit(frame, bytes, context)
    if (facts.kind === 'fault') return facts.reason === 'signature-invalid' ? 'refresh' : 'drop-invalid'
    if (prev === null) return 'emit'
    if (facts.rev <= prev.rev) return 'drop-stale'
    const isNext = facts.since === prev.rev && isCid(facts.prevData, prev.data)
    return isNext ? 'emit' : 'emit-discontinuous'
  }
  const facts = verifySync(frame, bytes, context)
  if (facts.kind === 'fault') return facts.reason === 'signature-invalid' ? 'refresh' : 'drop-invalid'
  if (prev === null || facts.rev > prev.rev) return 'emit-reset'
  if (facts.rev < prev.rev) return 'drop-stale'
  return isCid(facts.data, prev.data) ? 'emit-confirm' : 'drop-invalid'
}

function isCid(cid: Uint8Array | null, text: string): boolean {
  const other = cidFromText(text)
  return cid !== null && other !== null && equalCids(cid, 0, other, 0)
}

function judge(testCase: FrameCase): string {
  const key = keyOf(testCase.didDoc)
  if (key === null) return 'no-key'
  const first = verifyWith(testCase, key)
  if (first !== 'refresh') return first
  const refreshed = keyOf(testCase.refreshedDidDoc ?? testCase.didDoc)
  const second = refreshed === null ? 'no-key' : verifyWith(testCase, refreshed)
  return `refresh-then-${second === 'refresh' ? 'drop' : second}`
}

describe('frame cases', () => {
  const cases = readFrameCases().filter(({ expect: outcome }) => !NOT_HERE.has(outcome))
  test.each(cases.map((testCase) => ({ name: testCase.name, testCase })))('$name', ({ testCase }) => {
    expect(judge(testCase)).toBe(testCase.expect)
  })
  test.each(cases.map((testCase) => ({ name: testCase.name, testCase })))(
    '$name: a first look agrees',
    ({ testCase }) => {
      const bytes = Uint8Array.from(Buffer.from(testCase.frame, 'base64'))
      const head = scanHead(bytes)
      const frame = scanFrame(bytes)
      if (frame.kind === 'rejection' || head.kind === 'rejection') return
      expect(head.type).toBe(frame.type)
      if ('seq' in frame) expect([head.did, head.seq]).toEqual([frame.did, frame.seq])
    },
  )
})
