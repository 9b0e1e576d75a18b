import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { copyFile, mkdtemp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, expect, it } from 'vitest'
import { DurabilityScene, FAULTLESS, runSeed, summary } from './durability-scene.ts'

const STOPPED = { code: 0, signal: null }
const REACHED_MS = 30_000
const EVENTS_PER_SECOND = 150
const AFTER_LOSS = 2 ** 32
const TMPFS_MIB = 48
/** What each append begins with in a segment (shared/embedded/src/log/batch-header.ts). */
const BATCH_MAGIC = 'GSGB'

const seed = runSeed('disk')
let scene: DurabilityScene | undefined
afterEach(async () => {
  await scene?.[Symbol.asyncDispose]()
  scene = undefined
})

/** A relay that is up, followed and busy, with some events behind it. */
async function busyScene(folder?: string): Promise<DurabilityScene> {
  const made = await DurabilityScene.create({
    seed,
    hosts: 2,
    accountsPerHost: 6,
    ...(folder === undefined ? {} : { folder, env: { RELAY_RETENTION_BYTES: '1GiB' } }),
  })
  scene = made
  await made.relay.start()
  await made.follow()
  made.offer(EVENTS_PER_SECOND)
  await served(made, 200)
  return made
}

async function restart(made: DurabilityScene): Promise<void> {
  await made.leave()
  await made.relay.start()
  await made.follow()
}

/** Waits until so many more events have come through. */
async function served(made: DurabilityScene, more: number): Promise<void> {
  const from = made.checker.received
  await made.relay.until(
    'more events have come through',
    () => made.checker.received >= from + more,
    REACHED_MS,
  )
}

/** Ends the relay when everything is through, written and saved. */
async function stopQuiet(made: DurabilityScene): Promise<void> {
  await made.quiet()
  await made.caughtUp()
  expect(await made.relay.end('SIGTERM'), made.relay.output).toEqual(STOPPED)
}

async function newestSegment(made: DurabilityScene): Promise<{ path: string; size: number }> {
  const folder = join(made.relay.folder, 'log')
  const name = (await readdir(folder)).sort().at(-1) ?? ''
  const path = join(folder, name)
  return { path, size: (await stat(path)).size }
}

async function databaseFiles(made: DurabilityScene): Promise<string[]> {
  const names = await readdir(made.relay.folder)
  return names.filter((name) => name.startsWith('state.db')).map((name) => join(made.relay.folder, name))
}

it('SIGTERM under load ends with 0 within 30 s and goes on without gap or duplicate; SIGSTOP harms nothing', async () => {
  const made = await busyScene()
  const asked = performance.now()
  expect(await made.relay.end('SIGTERM'), made.relay.output).toEqual(STOPPED)
  expect(performance.now() - asked).toBeLessThan(30_000)
  await restart(made)
  await served(made, 100)
  made.relay.signal('SIGSTOP')
  const from = made.offered
  await until('the hosts have offered more', () => made.offered >= from + 300, REACHED_MS)
  made.relay.signal('SIGCONT')
  await served(made, 300)
  await made.expectExact()
})

it('refuses a second process on the same folder, which harms the first one in nothing (invariant 9)', async () => {
  const made = await busyScene()
  const second = await made.relay.command([])
  expect(second).toMatchObject({ code: 1, signal: null })
  expect(second.output).toContain('another relay is running')
  await served(made, 100)
  await made.expectExact()
})

it('cuts a torn tail and garbage behind it, and takes the lost append again (invariants 10, 11)', async () => {
  const made = await busyScene()
  await made.relay.end('SIGKILL')
  for (const lost of [1, 7, 513]) {
    await made.leave()
    made.relay.spawn({ CRASH_POINT: 'after-write:5' })
    await made.follow()
    await made.relay.ended(REACHED_MS)
    const { path, size } = await newestSegment(made)
    // No more than the last append: what lies before it was served, and a disk that says it is durable keeps it.
    const appended = size - (await readFile(path)).lastIndexOf(BATCH_MAGIC)
    await truncate(path, size - Math.min(lost, appended))
    await restart(made)
    if (lost < appended) expect(made.relay.output).toContain('cut a torn tail')
    await served(made, 50)
    await made.relay.end('SIGKILL')
  }
  for (const bytes of [1, 39, 40, 5_000]) {
    const { path, size } = await newestSegment(made)
    const file = await open(path, 'r+')
    await file.write(new Uint8Array(bytes).fill(0xa5), 0, bytes, size)
    await file.close()
    await restart(made)
    expect(made.relay.output).toContain('cut a torn tail')
    await served(made, 50)
    await made.relay.end('SIGKILL')
  }
  await restart(made)
  await made.expectExact()
})

it('takes up an older database beside a newer log, and none at all (invariant 5)', async () => {
  const made = await busyScene()
  expect(await made.relay.end('SIGTERM')).toEqual(STOPPED)
  const kept = await mkdtemp(join(tmpdir(), 'relay-durability-kept-'))
  try {
    await copyFile(join(made.relay.folder, 'state.db'), join(kept, 'state.db'))
    await restart(made)
    await served(made, 300)
    await made.relay.end('SIGKILL')
    for (const file of await databaseFiles(made)) await rm(file)
    await copyFile(join(kept, 'state.db'), join(made.relay.folder, 'state.db'))
  } finally {
    await rm(kept, { recursive: true })
  }
  await restart(made)
  expect(Number(/"replayed":(\d+)/.exec(made.relay.output)?.[1])).toBeGreaterThan(200)
  await served(made, 100)
  await made.relay.end('SIGKILL')
  for (const file of await databaseFiles(made)) await rm(file)
  await restart(made)
  expect(Number(/"replayed":(\d+)/.exec(made.relay.output)?.[1])).toBeGreaterThan(600)
  await served(made, 100)
  await made.expectExact()
})

it('never numbers anew what was served, where the log lost its end or all of it (invariant 10)', async () => {
  const made = await busyScene()
  await stopQuiet(made)
  const { path, size } = await newestSegment(made)
  const before = made.checker.lastSeq
  await truncate(path, size - 3)
  await restart(made)
  made.offer(EVENTS_PER_SECOND)
  await served(made, 50)
  expect(made.checker.lastSeq).toBeGreaterThan(before + AFTER_LOSS)
  await stopQuiet(made)
  const between = made.checker.lastSeq
  await rm(join(made.relay.folder, 'log'), { recursive: true })
  await restart(made)
  made.offer(EVENTS_PER_SECOND)
  await served(made, 50)
  expect(made.checker.lastSeq).toBeGreaterThan(between + AFTER_LOSS)
  await stopQuiet(made)
  expect(summary(made.checker)).toEqual(FAULTLESS)
})

it('does not start on damage before whole entries, says what repair would cost, and repair mends it (invariant 5)', async () => {
  const made = await busyScene()
  await stopQuiet(made)
  await made.leave()
  const { path, size } = await newestSegment(made)
  const file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, Math.floor(size / 2))
  await file.write(
    byte.map((value) => value ^ 0xff),
    0,
    1,
    Math.floor(size / 2),
  )
  await file.close()

  made.relay.spawn()
  expect(await made.relay.ended()).toEqual({ code: 1, signal: null })
  expect(made.relay.output).toMatch(/damaged at byte \d+.*repair --accept-gap would give up \d+ bytes/)
  const asked = await made.relay.command(['repair'])
  expect(asked.code).toBe(1)
  expect(asked.output).toMatch(/repair --accept-gap would give up \d+ bytes/)
  expect((await newestSegment(made)).size, 'repair without the flag changes nothing').toBe(size)
  const mended = await made.relay.command(['repair', '--accept-gap'])
  expect(mended, mended.output).toMatchObject({ code: 0 })
  expect(mended.output).toMatch(/cut \d+ bytes/)

  await restart(made)
  made.offer(EVENTS_PER_SECOND)
  await served(made, 50)
  await stopQuiet(made)
  // Who was there all along has everything; who comes now lacks what was given up, and nothing else is wrong.
  expect(summary(made.checker)).toEqual(FAULTLESS)
})

it('pauses on a full disk, says so, and goes on when there is space, killed or not (invariant 12)', async ({
  skip,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-durability-full-'))
  try {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_MIB}m`, 'tmpfs', folder], { stdio: 'pipe' })
    } catch {
      skip('a file system of a known size cannot be mounted here: this needs root')
    }
    try {
      const made = await busyScene(folder)
      const ballast = join(folder, 'ballast')
      for (const ending of ['freed', 'killed'] as const) {
        fill(ballast)
        await made.relay.until(
          'the log finds no space',
          () => made.relay.output.includes('no room left for the log'),
          REACHED_MS,
        )
        await made.relay.until(
          'hosts are read no further',
          () => made.relay.output.includes('hosts are read no further until there is more'),
          REACHED_MS,
        )
        const { offered } = made
        await made.relay.until('the hosts have offered more', () => made.offered >= offered + 300, REACHED_MS)
        expect(await made.relay.metric('relay_sequencer_log_full_total')).toBeGreaterThan(0)
        if (ending === 'killed') await made.relay.end('SIGKILL')
        await rm(ballast)
        if (ending === 'killed') await restart(made)
        else
          await made.relay.until(
            'it says that there is space again',
            () => made.relay.output.includes('there is disk space again'),
            REACHED_MS,
          )
        await served(made, 300)
      }
      await made.expectExact()
      expect(await made.relay.end('SIGTERM'), made.relay.output).toEqual(STOPPED)
    } finally {
      await scene?.[Symbol.asyncDispose]()
      scene = undefined
      execFileSync('umount', [folder])
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** Writes until nothing fits any more. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const size of [1024 * 1024, 4096, 1]) {
      const chunk = new Uint8Array(size).fill(1)
      for (;;) {
        try {
          if (writeSync(file, chunk) < size) break
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOSPC') break
          throw error
        }
      }
    }
  } finally {
    closeSync(file)
  }
}
