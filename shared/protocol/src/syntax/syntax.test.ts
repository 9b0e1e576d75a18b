import { readVectorLines, vectorsFolder } from '@bgs/testkit/vectors.ts'
import { describe, expect, test } from 'vitest'
import { isDatetime } from './datetime.ts'
import { parseDid } from './did.ts'
import { isHandle } from './handle.ts'
import { isNsid, isRecordKey, isRepoPath } from './repo-path.ts'
import { isTid, tidFromMicros, tidMicros } from './tid.ts'

const CHECKS: [string, (text: string) => boolean][] = [
  ['nsid', isNsid],
  ['recordkey', isRecordKey],
  ['tid', isTid],
  ['handle', isHandle],
  ['datetime', isDatetime],
]

describe.skipIf(vectorsFolder() === null)('syntax vectors (beside the project)', () => {
  test.each(CHECKS)('%s', (name, check) => {
    for (const line of readVectorLines(`interop/syntax/${name}_syntax_valid.txt`))
      expect(check(line), line).toBe(true)
    for (const line of readVectorLines(`interop/syntax/${name}_syntax_invalid.txt`)) {
      expect(check(line), line).toBe(false)
    }
  })

  test('datetimes of days that are none', () => {
    for (const line of readVectorLines('interop/syntax/datetime_parse_invalid.txt')) {
      expect(isDatetime(line), line).toBe(false)
    }
  })

  test('DIDs: a relay takes only plc and web, none of the invalid', () => {
    for (const line of readVectorLines('interop/syntax/did_syntax_invalid.txt'))
      expect(parseDid(line), line).toBeNull()
    for (const line of readVectorLines('interop/syntax/did_syntax_valid.txt')) {
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
