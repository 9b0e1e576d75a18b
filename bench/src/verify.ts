import { cpuUsage } from 'node:process'
import type { CommitFrame } from '@bgs/protocol/frame/frame.ts'
import { scanFrame, scanHead } from '@bgs/protocol/frame/scan.ts'
import { findBlock, readCar } from '@bgs/protocol/repo/car.ts'
import { readCommit, unsignedBytes } from '@bgs/protocol/repo/commit.ts'
import { verifyCommit } from '@bgs/protocol/rules/commit.ts'
import { verifyOps } from '@bgs/protocol/rules/ops.ts'
import type { SignedCommit } from '@bgs/protocol/rules/signed-commit.ts'
import { verifyTree } from '@bgs/protocol/rules/tree.ts'
import { type PublicKey, parseDidKey } from '@bgs/protocol/signature/public-key.ts'
import { curveBackends, verifySignature } from '@bgs/protocol/signature/verify.ts'
import { makeRealCommits } from '@bgs/protocol/testing/real-commits.ts'
import { round } from './medians.ts'
import { REAL_COMMITS } from './real-commits.ts'
import { measureVerifyThreads } from './verify-threads.ts'

/** CPU microseconds per commit, each step alone and the whole verdict; medians of three runs. */
type VerifyFigures = {
  commits: number
  bytes: number
  blocks: number
  curve: 'k256' | 'p256'
  backend: string
  head: number
  scan: number
  car: number
  invert: number
  signature: number
  whole: number
}

const RUNS = 3
/** Measures the way from bytes to a verdict on `commits` verdicts of real commits, on this thread. */
async function measureVerify(options: { commits: number; curve: 'k256' | 'p256' }): Promise<VerifyFigures> {
  const { commits, curve } = options
  const distinct = Math.min(commits, 200)
  const real = await makeRealCommits({ ...REAL_COMMITS, curve, commits: distinct })
  const key = parseDidKey(real.didKey)
  if (key === null) throw new Error(`the generator made no usable key: ${real.didKey}`)
  const prepared = real.frames.map((bytes) => prepare(bytes, key))
  const context = { key, nowMs: real.nowMs, lenient: false }
  const measure = (step: (one: Prepared) => unknown) => median(() => cpuPerStep(prepared, commits, step))
  return {
    commits,
    bytes: Math.round(real.frames.reduce((sum, { length }) => sum + length, 0) / distinct),
    blocks: prepared.reduce((sum, { signed }) => sum + signed.car.cidAt.length, 0) / distinct,
    curve,
    backend: curveBackends()[curve],
    head: measure(({ bytes }) => scanHead(bytes)),
    scan: measure(({ bytes }) => scanFrame(bytes)),
    car: measure(({ bytes, frame }) => readCar(bytes, frame.blocksAt, frame.blocksEnd)),
    invert: measure(({ frame, signed }) => {
      const ordered = verifyOps(frame.ops, false)
      return ordered.kind === 'ops' ? verifyTree(frame, signed, ordered) : null
    }),
    signature: measure(({ unsigned, signature }) => verifySignature(key, unsigned, signature)),
    whole: measure(({ bytes }) => {
      const frame = scanFrame(bytes)
      return frame.kind === 'frame' && frame.type === '#commit' && verifyCommit(frame, bytes, context)
    }),
  }
}

type Prepared = {
  bytes: Uint8Array
  frame: CommitFrame
  signed: SignedCommit
  unsigned: Uint8Array
  signature: Uint8Array
}

function prepare(bytes: Uint8Array, key: PublicKey): Prepared {
  const frame = scanFrame(bytes)
  if (frame.kind !== 'frame' || frame.type !== '#commit') throw new Error('the generator made no commit')
  const facts = verifyCommit(frame, bytes, { key, nowMs: Date.now() + 60_000, lenient: false })
  if (facts.kind === 'fault')
    throw new Error(`the generator made a bad commit: ${facts.reason} ${facts.detail}`)
  const car = readCar(bytes, frame.blocksAt, frame.blocksEnd)
  if (car.kind === 'fault') throw new Error(car.detail)
  const block = findBlock(car, frame.commit, 0)
  const commit = readCommit(bytes, car.dataAt[block]!, car.dataEnd[block]!)
  if (commit.kind === 'fault') throw new Error(commit.detail)
  return {
    bytes,
    frame,
    signed: { kind: 'signed', car, commit },
    unsigned: unsignedBytes(bytes, commit),
    signature: bytes.subarray(commit.sigAt, commit.sigEnd),
  }
}

function cpuPerStep(prepared: Prepared[], times: number, step: (one: Prepared) => unknown): number {
  const start = cpuUsage()
  for (let i = 0; i < times; i++) step(prepared[i % prepared.length]!)
  const { user, system } = cpuUsage(start)
  return (user + system) / times
}

function median(run: () => number): number {
  run()
  const runs = Array.from({ length: RUNS }, run).sort((a, b) => a - b)
  return Math.round(runs[Math.floor(RUNS / 2)]! * 100) / 100
}

/** `verify [COMMITS [EVENTS]]`: each step on one thread by curve, then whole batches on one thread and on two. */
export async function benchVerify([commits = 6_000, events = 12_800]: readonly number[]): Promise<unknown> {
  const k256 = await measureVerify({ commits, curve: 'k256' })
  const p256 = await measureVerify({ commits, curve: 'p256' })
  const threads = await measureVerifyThreads([1, 2], events)
  const [one, two] = threads.map(({ eventsPerSecond }) => eventsPerSecond) as [number, number]
  return { bench: 'verify', k256, p256, threads, twoThreadsToOne: round(two / one, 2) }
}
