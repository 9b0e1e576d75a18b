import {
  isValidDatetime,
  isValidDid,
  isValidHandle,
  isValidNsid,
  isValidRecordKey,
  isValidTid,
} from '@atproto/syntax'
import { nearlyRight } from '@bgs/testkit/nearly-right.ts'
import { readVectorLines, vectorsOr } from '@bgs/testkit/vectors.ts'
import { describe, expect, test } from 'vitest'
import { isDatetime } from './datetime.ts'
import { parseDid } from './did.ts'
import { isHandle } from './handle.ts'
import { isNsid, isRecordKey, isRepoPath } from './repo-path.ts'
import { isTid, tidFromMicros, tidMicros } from './tid.ts'

const CHECKS = {
  nsid: { ours: isNsid, reference: isValidNsid },
  recordkey: { ours: isRecordKey, reference: isValidRecordKey },
  tid: { ours: isTid, reference: isValidTid },
  handle: { ours: isHandle, reference: isValidHandle },
  datetime: { ours: isDatetime, reference: isValidDatetime },
} as const
type Kind = keyof typeof CHECKS | 'did'
type Lines = { readonly valid: readonly string[]; readonly invalid: readonly string[] }

const KINDS: readonly Kind[] = ['nsid', 'recordkey', 'tid', 'handle', 'datetime', 'did']
const fileOf = (kind: Kind, is: keyof Lines) => `interop/syntax/${kind}_syntax_${is}.txt`
const NO_DAYS = 'interop/syntax/datetime_parse_invalid.txt'

const syntax = await vectorsOr(
  [...KINDS.flatMap((kind) => [fileOf(kind, 'valid'), fileOf(kind, 'invalid')]), NO_DAYS],
  () => ({
    lines: (kind: Kind): Lines => ({
      valid: readVectorLines(fileOf(kind, 'valid')),
      invalid: readVectorLines(fileOf(kind, 'invalid')),
    }),
    noDays: readVectorLines(NO_DAYS),
  }),
  () => ({
    // By the reference, of texts that are nearly right.
    lines: (kind: Kind): Lines => {
      const isValid = kind === 'did' ? isValidDid : CHECKS[kind].reference
      const texts = nearlyRight(kind)
      return { valid: texts.filter((text) => isValid(text)), invalid: texts.filter((text) => !isValid(text)) }
    },
    noDays: ['1985-00-12', '1985-13-12', '1985-04-00', '1985-04-32'].map((day) => `${day}T23:20:50.123Z`),
  }),
)

describe(`syntax vectors (${syntax.origin})`, { meta: syntax.meta }, () => {
  test.each(Object.entries(CHECKS))('%s', (kind, { ours }) => {
    const { valid, invalid } = syntax.cases.lines(kind as Kind)
    expect([valid.length > 1, invalid.length > 5]).toEqual([true, true])
    for (const line of valid) expect(ours(line), line).toBe(true)
    for (const line of invalid) expect(ours(line), line).toBe(false)
  })

  test('datetimes of days that are none', () => {
    for (const line of syntax.cases.noDays) expect(isDatetime(line), line).toBe(false)
  })

  test('DIDs: a relay takes only plc and web, none of the invalid', () => {
    const { valid, invalid } = syntax.cases.lines('did')
    for (const line of invalid) expect(parseDid(line), line).toBeNull()
    for (const line of valid) {
      if (!line.startsWith('did:plc:') && !line.startsWith('did:web:'))
        expect(parseDid(line), line).toBeNull()
    }
  })
})

describe('DIDs (G4)', () => {
  test.each(['did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'did:web:example.com', 'did:web:a-b.example.co'])(
    '%s',
    (did) => {
      expect(parseDid(did)).toBe(did)
    },
  )

  test.each([
    'did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ',
    'did:PLC:ewvi7nxzyoun6zhxrhs64oiz',
    'did:plc:ewvi7nxzyoun6zhxrhs64oi',
    'did:plc:ewvi7nxzyoun6zhxrhs64oi1',
    'did:web:Example.com',
    'did:web:example.com:path',
    'did:web:example.com%3A8080',
    'did:web:127.0.0.1',
    'did:web:localhost',
    'did:web:localhost%3A2583',
    'did:web:-a.example',
    'did:web:a..example',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
    '',
    `did:web:${'a.'.repeat(1_100)}example`,
  ])('not %s', (did) => {
    expect(parseDid(did)).toBeNull()
  })

  test('a development server only where it is allowed', () => {
    expect(parseDid('did:web:localhost%3A2583', true)).toBe('did:web:localhost%3A2583')
    expect(parseDid('did:web:localhost%3A02583', true)).toBeNull()
  })
})

test('TIDs are times', () => {
  expect(tidMicros('2222222222222')).toBe(0)
  expect(tidMicros(tidFromMicros(1_780_275_600_123_456, 31))).toBe(1_780_275_600_123_456)
  expect(isTid(tidFromMicros(Date.now() * 1_000, 1_023))).toBe(true)
})

test('paths are NSID/rkey (C9)', () => {
  for (const path of ['com.example.note/a', 'com.example.note/a:b', `com.example.note/${'a'.repeat(512)}`]) {
    expect(isRepoPath(path), path).toBe(true)
  }
  for (const path of [
    '',
    '/',
    '/com.example.note/a',
    'com.example.note',
    'com.example.note/',
    'com.example.note/a/b',
    'com.example.note/.',
    'com.example.note/..',
    'note/a',
    'com.example/a',
    'com.example.note/ä',
    `com.example.note/${'a'.repeat(513)}`,
  ]) {
    expect(isRepoPath(path), path).toBe(false)
  }
})
