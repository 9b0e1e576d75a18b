import { poisoned } from '@bgs/testkit/poison.ts'
import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { scanFrame } from '../frame/scan.ts'
import { type PublicKey, parseDidKey } from '../signature/public-key.ts'
import { makeRealCommits, type RealCommits } from '../testing/real-commits.ts'
import { verifyCommit } from './commit.ts'

const PLAN = { records: 120, commits: 25, maxOps: 5 }

let real: RealCommits
let key: PublicKey

beforeAll(async () => {
  real = await makeRealCommits({ ...PLAN, curve: 'k256', seed: 11 })
  key = parseDidKey(real.didKey)!
})

/** 'pass', 'pass' with its marks, or the reason of the refusal. */
function judge(bytes: Uint8Array, lenient = false, withKey = key): string {
  const frame = scanFrame(bytes)
  if (frame.kind === 'rejection') return frame.reason
  if (frame.type !== '#commit') return frame.type
  const verdict = verifyCommit(frame, bytes, { key: withKey, nowMs: real.nowMs, lenient })
  return verdict.kind === 'fault' ? verdict.reason : ['pass', ...verdict.marks].join(' ')
}

type Payload = Record<string, unknown> & { ops: Record<string, unknown>[]; blocks: Uint8Array }

/** The frame with its payload changed: still canonical, no longer what the host made. */
function changed(bytes: Uint8Array, change: (payload: Payload) => void): Uint8Array {
  const header = encode({ op: 1, t: '#commit' })
  const payload = decode<Payload>(bytes.subarray(header.length))
  change(payload)
  return Uint8Array.from(Buffer.concat([header, encode(payload)]))
}

/** The first frame that has an operation of this action, alone or with others. */
function frameWith(action: string): Uint8Array {
  for (const bytes of real.frames) {
    const frame = scanFrame(bytes)
    if ('ops' in frame && frame.ops.some((op) => op.action === action)) return bytes
  }
  throw new Error(`the generator made no ${action}`)
}

function opOf({ ops }: Payload, action: string): Record<string, unknown> {
  return ops.find((op) => op.action === action)!
}

describe('C9: one path more than once in a commit is what it comes to', () => {
  /** A CID of something that is not in the tree. */
  const other = () => {
    const { ops } = decode<Payload>(frameWith('create').subarray(encode({ op: 1, t: '#commit' }).length))
    return opOf({ ops } as Payload, 'create')['cid']
  }

  test.each<[string, string, (op: Record<string, unknown>, x: unknown) => object[]]>([
    ['two updates', 'update', (op, x) => [{ ...op, cid: x }, op]],
    [
      'delete, then create',
      'update',
      ({ cid, prev, path }) => [
        { action: 'delete', path, cid: null, prev },
        { action: 'create', path, cid, prev },
      ],
    ],
    [
      'create, then update',
      'create',
      (op, x) => [
        { ...op, cid: x },
        { ...op, action: 'update' },
      ],
    ],
    [
      'create, delete, create',
      'create',
      (op, x) => [{ ...op, cid: x }, { action: 'delete', path: op['path'], cid: null }, op],
    ],
    ['update, then delete', 'delete', (op, x) => [{ ...op, action: 'update', cid: x }, op]],
    [
      'beside it create and delete',
      'create',
      (op, x) => [
        op,
        { action: 'create', path: `${op['path']}-`, cid: x },
        { action: 'delete', path: `${op['path']}-`, cid: null },
      ],
    ],
  ])('%s', (_name, action, split) => {
    const bytes = changed(frameWith(action), (payload) => {
      const at = payload.ops.findIndex((op) => op['action'] === action)
      payload.ops.splice(at, 1, ...(split(payload.ops[at]!, other()) as Record<string, unknown>[]))
    })
    expect(judge(bytes)).toBe('pass')
  })

  test.each<[string, string, (op: Record<string, unknown>, x: unknown) => object[], string]>([
    ['two creates', 'create', (op) => [op, op], 'op-duplicate'],
    ['delete, then update', 'update', (op) => [{ ...op, action: 'delete', cid: null }, op], 'op-duplicate'],
    ['the last is not what stands there', 'update', (op, x) => [op, { ...op, cid: x }], 'op-not-in-tree'],
    [
      'what was created is said to be deleted',
      'create',
      (op) => [op, { action: 'delete', path: op['path'], cid: null }],
      'op-not-in-tree',
    ],
    ['the first had another value', 'update', (op, x) => [{ ...op, prev: x }, op], 'inversion-mismatch'],
  ])('not %s', (_name, action, split, reason) => {
    const bytes = changed(frameWith(action), (payload) => {
      const at = payload.ops.findIndex((op) => op['action'] === action)
      payload.ops.splice(at, 1, ...(split(payload.ops[at]!, other()) as Record<string, unknown>[]))
    })
    expect(judge(bytes)).toBe(reason)
  })
})

describe('commits of the reference implementation', () => {
  test.each(['k256', 'p256'] as const)(
    '%s: all pass, with and without the blocks that are not proofs',
    async (curve) => {
      for (const onlyProofs of [true, false]) {
        const made = await makeRealCommits({ ...PLAN, commits: 15, curve, seed: 3, onlyProofs })
        const ownKey = parseDidKey(made.didKey)!
        for (const bytes of made.frames) expect(judge(poisoned(bytes), false, ownKey)).toBe('pass')
      }
    },
  )

  test('the facts are what the frame says', () => {
    const bytes = real.frames[0]!
    const frame = scanFrame(bytes)
    if (!('ops' in frame)) return expect.fail('not a commit')
    const facts = verifyCommit(frame, bytes, { key, nowMs: real.nowMs, lenient: false })
    expect(facts).toMatchObject({ kind: 'facts', rev: frame.rev, since: frame.since, marks: [] })
    if (facts.kind === 'facts') {
      expect(facts.commit).toEqual(frame.commit)
      const next = scanFrame(real.frames[1]!)
      if ('prevData' in next) expect(next.prevData).toEqual(facts.data)
    }
  })

  test('a first commit without prevData is proved by an empty tree (A25)', async () => {
    const made = await makeRealCommits({ curve: 'k256', records: 0, commits: 1, seed: 5 })
    const ownKey = parseDidKey(made.didKey)!
    const first = changed(made.frames[0]!, (payload) =>
      Object.assign(payload, { prevData: null, since: null }),
    )
    expect(judge(first, false, ownKey)).toBe('pass')
    const later = changed(real.frames[0]!, (payload) =>
      Object.assign(payload, { prevData: null, since: null }),
    )
    expect(judge(later)).toMatch(/prev-data-missing|inversion-incomplete/)
  })
})

describe('refusals in their order', () => {
  test.each<[string, string, (payload: Payload) => void]>([
    ['too-big-flag', 'create', (p) => Object.assign(p, { tooBig: true })],
    ['rebase-flag', 'create', (p) => Object.assign(p, { rebase: true })],
    ['blocks-size', 'create', (p) => Object.assign(p, { blocks: new Uint8Array(0) })],
    ['blocks-size', 'create', (p) => Object.assign(p, { blocks: new Uint8Array(2_000_001) })],
    ['ops-count', 'create', (p) => Object.assign(p, { ops: Array.from({ length: 201 }, () => p.ops[0]) })],
    ['rev-syntax', 'create', (p) => Object.assign(p, { rev: 'z'.repeat(13) })],
    ['rev-future', 'create', (p) => Object.assign(p, { rev: 'jzzzzzzzzzzzz' })],
    ['time-syntax', 'create', (p) => Object.assign(p, { time: 'yesterday' })],
    ['since-syntax', 'create', (p) => Object.assign(p, { since: 'before' })],
    ['prev-data-missing', 'create', (p) => Object.assign(p, { prevData: null })],
    ['car-malformed', 'create', (p) => Object.assign(p, { blocks: Uint8Array.of(1) })],
    ['car-root', 'create', (p) => Object.assign(p, { commit: p.prevData })],
    ['commit-did', 'create', (p) => Object.assign(p, { repo: 'did:plc:another22222222222222222' })],
    ['commit-rev', 'create', (p) => Object.assign(p, { rev: '2222222222222' })],
    ['op-shape', 'create', (p) => Object.assign(opOf(p, 'create'), { action: 'merge' })],
    ['op-shape', 'create', (p) => Object.assign(opOf(p, 'create'), { cid: null })],
    ['op-shape', 'create', (p) => Object.assign(opOf(p, 'create'), { prev: p.commit })],
    ['op-shape', 'update', (p) => Object.assign(opOf(p, 'update'), { prev: null })],
    ['op-shape', 'delete', (p) => Object.assign(opOf(p, 'delete'), { cid: p.commit })],
    ['op-path', 'create', (p) => Object.assign(opOf(p, 'create'), { path: 'nothing' })],
    ['op-duplicate', 'create', (p) => p.ops.push({ ...opOf(p, 'create') })],
    ['op-not-in-tree', 'create', (p) => Object.assign(opOf(p, 'create'), { cid: p.commit })],
    ['inversion-mismatch', 'update', (p) => Object.assign(opOf(p, 'update'), { prev: p.commit })],
    ['inversion-mismatch', 'delete', (p) => Object.assign(opOf(p, 'delete'), { prev: p.commit })],
    ['inversion-mismatch', 'create', (p) => Object.assign(p, { prevData: p.commit })],
  ])('%s (%s)', (reason, action, change) => {
    expect(judge(changed(frameWith(action), change))).toBe(reason)
  })

  test('another key', async () => {
    const other = await makeRealCommits({ curve: 'p256', records: 0, commits: 1, seed: 1 })
    expect(judge(real.frames[0]!, false, parseDidKey(other.didKey)!)).toBe('signature-invalid')
  })
})

describe('a lenient host (3.5)', () => {
  test.each<[string, string, (payload: Payload) => void]>([
    ['pass too-big-flag', 'create', (p) => Object.assign(p, { tooBig: true })],
    ['pass prev-data-missing', 'create', (p) => Object.assign(p, { prevData: null })],
    ['pass op-shape', 'update', (p) => Object.assign(opOf(p, 'update'), { prev: null })],
    ['pass inversion-mismatch', 'create', (p) => Object.assign(p, { prevData: p.commit })],
    ['rebase-flag', 'create', (p) => Object.assign(p, { rebase: true })],
    ['op-not-in-tree', 'create', (p) => Object.assign(opOf(p, 'create'), { cid: p.commit })],
    ['car-root', 'create', (p) => Object.assign(p, { commit: p.prevData })],
  ])('%s (%s)', (verdict, action, change) => {
    expect(judge(changed(frameWith(action), change), true)).toBe(verdict)
  })
})

test('any byte changed: refused, or a field that a commit does not prove', () => {
  // Of the envelope neither seq, time, since nor unknown fields are signed; the sequencer compares since (C13).
  const place = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }))
  fc.assert(
    fc.property(place, fc.boolean(), ([which, at, change], lenient) => {
      const original = real.frames[which % real.frames.length]!
      const mutant = poisoned(original)
      const index = at % mutant.length
      mutant[index] = mutant[index]! ^ change
      const verdict = judge(mutant, lenient)
      if (verdict !== 'pass' || lenient) return
      const was = scanFrame(original)
      const is = scanFrame(mutant)
      if (!('ops' in was) || !('ops' in is)) return expect.fail('another type passed')
      expect(is).toMatchObject({
        did: was.did,
        rev: was.rev,
        ops: was.ops,
        commit: was.commit,
        prevData: was.prevData,
      })
    }),
    { numRuns: 1_500 },
  )
})
