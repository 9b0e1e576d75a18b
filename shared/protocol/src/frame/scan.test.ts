import { poisoned } from '@bgs/testkit/poison.ts'
import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { scanFrame, scanHead } from './scan.ts'

const DID = 'did:plc:relayvectors222222222222'
const CID_A = CID.parse('bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm')
const RAW = CID.parse('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
const TIME = '2026-06-01T01:00:00.000Z'

function frameOf(t: string, payload: unknown): Uint8Array {
  return poisoned(Uint8Array.from(Buffer.concat([encode({ op: 1, t }), encode(payload)])))
}

function commit(fields: Record<string, unknown> = {}, without: string[] = []): Uint8Array {
  const payload: Record<string, unknown> = {
    ops: [{ action: 'create', path: 'com.example.note/a', cid: CID_A }],
    rev: '3mn6rq3fck22b',
    seq: 4_986,
    repo: DID,
    time: TIME,
    blobs: [],
    since: null,
    blocks: Uint8Array.of(1, 2, 3),
    commit: CID_A,
    rebase: false,
    tooBig: false,
    prevData: CID_A,
    ...fields,
  }
  for (const field of without) delete payload[field]
  return frameOf('#commit', payload)
}

describe('#commit', () => {
  test('is typed, with the places of what is passed on', () => {
    const bytes = commit({ future: { a: [1] } })
    const frame = scanFrame(bytes)
    if (frame.kind === 'rejection' || frame.type !== '#commit') return expect.fail(JSON.stringify(frame))
    expect(frame).toMatchObject({ did: DID, seq: 4_986, rev: '3mn6rq3fck22b', since: null, time: TIME })
    expect(bytes.subarray(frame.seqAt, frame.seqEnd)).toEqual(Uint8Array.of(0x19, 0x13, 0x7a))
    expect(bytes.subarray(frame.blocksAt, frame.blocksEnd)).toEqual(Uint8Array.of(1, 2, 3))
    expect(frame.commit).toEqual(CID_A.bytes)
    expect(frame.prevData).toEqual(CID_A.bytes)
    const op = frame.ops[0]!
    expect(op).toMatchObject({ action: 'create', path: 'com.example.note/a', prevAt: -1 })
    expect(Buffer.from(bytes.subarray(op.pathAt, op.pathEnd)).toString()).toBe(op.path)
    expect(bytes.subarray(op.cidAt, op.cidAt + 36)).toEqual(CID_A.bytes)
    expect(scanHead(bytes)).toEqual({ kind: 'head', op: 1, type: '#commit', did: DID, seq: 4_986 })
  })

  test.each([['blobs'], ['rebase'], ['tooBig'], ['prevData']])('%s may be missing', (field) => {
    const frame = scanFrame(commit({}, [field]))
    expect(frame).toMatchObject({ kind: 'frame', since: null, rebase: false, tooBig: false })
  })

  test('since may be null, but not missing', () => {
    expect(scanFrame(commit({ since: null }))).toMatchObject({ kind: 'frame', since: null })
    expect(scanFrame(commit({}, ['since']))).toMatchObject({ kind: 'rejection', reason: 'frame-fields' })
  })

  test('prevData null is none', () => {
    expect(scanFrame(commit({ prevData: null }))).toMatchObject({ prevData: null })
  })

  test.each(['ops', 'rev', 'repo', 'time', 'blocks', 'commit'])(
    '%s is required, and seq is still told',
    (field) => {
      const rejection = scanFrame(commit({}, [field]))
      expect(rejection).toMatchObject({
        kind: 'rejection',
        reason: 'frame-fields',
        seq: 4_986,
        detail: field,
      })
    },
  )

  test.each<[string, unknown]>([
    ['ops', {}],
    ['ops', [1]],
    ['ops', [{ action: 1, path: 'a/b', cid: null }]],
    ['ops', [{ action: 'create', path: 'a/b', cid: 'text' }]],
    ['rev', 1],
    ['repo', null],
    ['time', 1],
    ['since', 1],
    ['blocks', 'text'],
    ['commit', null],
    ['commit', RAW],
    ['rebase', 1],
    ['tooBig', 'no'],
    ['prevData', 'text'],
    ['prevData', RAW],
  ])('%s of the wrong type %j', (field, value) => {
    const rejection = scanFrame(commit({ [field]: value }))
    expect(rejection).toMatchObject({ kind: 'rejection', reason: 'frame-fields', seq: 4_986 })
  })

  test.each([0, -1, 'text', null, 2n ** 53n, 2n ** 63n])('seq %s is none', (seq) => {
    expect(scanFrame(commit({ seq }))).toMatchObject({ reason: 'frame-fields', detail: 'seq', did: DID })
    expect(scanHead(commit({ seq }))).toMatchObject({ reason: 'frame-fields', detail: 'seq' })
  })
})

describe('the other messages', () => {
  const common = { seq: 5, did: DID, time: TIME }

  test('#sync', () => {
    const bytes = frameOf('#sync', { ...common, rev: 'r', blocks: Uint8Array.of(9) })
    const frame = scanFrame(bytes)
    expect(frame).toMatchObject({ type: '#sync', did: DID, seq: 5, rev: 'r' })
    if ('blocksAt' in frame) expect(bytes[frame.blocksAt]).toBe(9)
    expect(scanFrame(frameOf('#sync', { ...common, rev: 'r' }))).toMatchObject({
      reason: 'frame-fields',
      seq: 5,
    })
  })

  test('#account', () => {
    expect(scanFrame(frameOf('#account', { ...common, active: false, status: 'odd' }))).toMatchObject({
      active: false,
      status: 'odd',
    })
    expect(scanFrame(frameOf('#account', { ...common, active: true, status: null }))).not.toHaveProperty(
      'status',
    )
    expect(scanFrame(frameOf('#account', common))).toMatchObject({ reason: 'frame-fields', detail: 'active' })
  })

  test('#identity', () => {
    expect(scanFrame(frameOf('#identity', { ...common, handle: 'a.example' }))).toMatchObject({
      handle: 'a.example',
    })
    expect(scanFrame(frameOf('#identity', common))).not.toHaveProperty('handle')
  })

  test('#info and error frames', () => {
    expect(scanFrame(frameOf('#info', { name: 'OutdatedCursor' }))).toMatchObject({
      name: 'OutdatedCursor',
      message: '',
    })
    const header = encode({ op: -1, t: '' })
    const error = Uint8Array.from(Buffer.concat([header, encode({ error: 'FutureCursor', message: '' })]))
    expect(scanFrame(error)).toMatchObject({ type: 'error', error: 'FutureCursor' })
    expect(scanHead(error)).toMatchObject({ op: -1, type: 'error', errorName: 'FutureCursor' })
  })

  test('an unknown type or op is passed over, with its seq (W3)', () => {
    const bytes = frameOf('#handle', { ...common, handle: 'a.example' })
    expect(scanFrame(bytes)).toEqual({
      kind: 'frame',
      type: 'unknown',
      op: 1,
      t: '#handle',
      did: DID,
      seq: 5,
    })
    expect(scanHead(bytes)).toMatchObject({ type: 'unknown', did: DID, seq: 5 })
    const odd = Uint8Array.from(Buffer.concat([encode({ op: 7 }), encode(3)]))
    expect(scanFrame(odd)).toMatchObject({ type: 'unknown', op: 7 })
    expect(scanHead(odd)).toMatchObject({ type: 'unknown', op: 7 })
  })

  test('a header without op or t', () => {
    for (const header of [{ t: '#sync' }, { op: 1 }, { op: 'x', t: '#sync' }]) {
      const bytes = Uint8Array.from(Buffer.concat([encode(header), encode(common)]))
      expect(scanFrame(bytes)).toMatchObject({ reason: 'frame-fields' })
      expect(scanHead(bytes)).toMatchObject({ reason: 'frame-fields' })
    }
  })
})

describe('properties', () => {
  const whole = commit()

  test('any bytes give a verdict', () => {
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 60 }).map(afterHeader),
    )
    fc.assert(
      fc.property(input, (bytes) => {
        expect(['frame', 'rejection']).toContain(scanFrame(poisoned(bytes)).kind)
        expect(['head', 'rejection']).toContain(scanHead(poisoned(bytes)).kind)
      }),
      { numRuns: 3_000 },
    )
  })

  test('a frame cut anywhere, or with a byte more, is malformed', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(scanFrame(poisoned(whole.subarray(0, length)))).toMatchObject({ reason: 'frame-malformed' })
    }
    expect(scanFrame(Uint8Array.of(...whole, 0))).toMatchObject({
      reason: 'frame-malformed',
      seq: 4_986,
      did: DID,
    })
  })

  test('a frame with any byte changed gives a verdict, and what passes is again what it says', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutant = poisoned(whole)
        mutant[at] = mutant[at]! ^ change
        const frame = scanFrame(mutant)
        const head = scanHead(mutant)
        if (frame.kind === 'frame' && 'seq' in frame)
          expect(head).toMatchObject({ did: frame.did, seq: frame.seq })
      }),
      { numRuns: 3_000 },
    )
  })

  test('broken CBOR behind seq and did still names both', () => {
    const bytes = commit()
    bytes[bytes.length - 40] = 0xff
    const broken = bytes.subarray(0, bytes.length - 1)
    expect(scanFrame(broken)).toMatchObject({ kind: 'rejection', seq: 4_986, did: DID })
  })

  function afterHeader(payload: Uint8Array): Uint8Array {
    return Uint8Array.from(Buffer.concat([encode({ op: 1, t: '#commit' }), Uint8Array.of(0xa3), payload]))
  }
})

test('a frame over 5,000,000 bytes is too large (W7)', () => {
  expect(scanFrame(new Uint8Array(5_000_001))).toMatchObject({ reason: 'frame-too-large' })
  expect(scanHead(new Uint8Array(5_000_001))).toMatchObject({ reason: 'frame-too-large' })
})
