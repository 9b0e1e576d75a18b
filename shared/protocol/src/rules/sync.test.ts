import { beforeAll, expect, test } from 'vitest'
import { encodeSync } from '../frame/encode.ts'
import { scanFrame } from '../frame/scan.ts'
import { findBlock, readCar } from '../repo/car.ts'
import { type PublicKey, parseDidKey } from '../signature/public-key.ts'
import { type Block, block, carOf } from '../testing/blocks.ts'
import { makeRealCommits, type RealCommits } from '../testing/real-commits.ts'
import { verifySync } from './sync.ts'

let real: RealCommits
let key: PublicKey
let rev: string
let commit: Block

beforeAll(async () => {
  real = await makeRealCommits({ curve: 'k256', records: 5, commits: 1, seed: 2 })
  key = parseDidKey(real.didKey)!
  const bytes = real.frames[0]!
  const frame = scanFrame(bytes)
  if (!('ops' in frame)) throw new Error('not a commit')
  rev = frame.rev
  const car = readCar(bytes, frame.blocksAt, frame.blocksEnd)
  if (car.kind === 'fault') throw new Error(car.detail)
  const at = findBlock(car, frame.commit, 0)
  commit = block(bytes.slice(car.dataAt[at], car.dataEnd[at]))
})

function judge(blocks: Uint8Array, fields: { did?: string; rev?: string } = {}): string {
  const time = '2026-06-01T01:00:00.000Z'
  const { frame } = encodeSync({ did: real.did, rev, time, blocks, ...fields })
  const scanned = scanFrame(frame)
  if (scanned.kind === 'rejection' || scanned.type !== '#sync') return 'not scanned'
  const verdict = verifySync(scanned, frame, { key, nowMs: real.nowMs, lenient: false })
  return verdict.kind === 'fault' ? verdict.reason : 'pass'
}

test('S1', () => {
  const blocks = carOf([commit.cid], [commit])
  const extra = block(new Uint8Array(500))
  expect(judge(blocks)).toBe('pass')
  expect(judge(carOf([commit.cid, extra.cid], [extra, commit]))).toBe('pass')
  expect(judge(new Uint8Array(0))).toBe('sync-blocks-size')
  expect(judge(carOf([commit.cid], [commit, block(new Uint8Array(10_000))]))).toBe('sync-blocks-size')
  expect(judge(carOf([commit.cid], [extra]))).toBe('commit-missing')
  expect(judge(carOf([extra.cid], [extra]))).toBe('commit-malformed')
  expect(judge(blocks, { rev: 'x' })).toBe('rev-syntax')
  expect(judge(blocks, { rev: 'jzzzzzzzzzzzz' })).toBe('rev-future')
  expect(judge(blocks, { rev: '2222222222222' })).toBe('commit-rev')
  expect(judge(blocks, { did: 'did:plc:another22222222222222222' })).toBe('commit-did')
})
