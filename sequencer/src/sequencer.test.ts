import { join } from 'node:path'
import type { SqlStep } from '@bgs/contract/database.ts'
import { NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Log } from '@bgs/contract/log/log.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { type Disk, type DiskFile, nodeDisk } from '@bgs/embedded/log/disk.ts'
import { encodeSync } from '@bgs/protocol/frame/encode.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkNoGap, GapError, replayLog } from './replay-log.ts'
import { carOf } from './rules/commit-block.ts'
import { State } from './state/state.ts'
import { cid, envelope, PDS, rev, TIME } from './testing/envelopes.ts'
import { dump, kinds, Scene, tempFolder } from './testing/scene.ts'
import { MAX_LAG_MS, View, viewPosition } from './view.ts'

let folder: Awaited<ReturnType<typeof tempFolder>>
beforeEach(async () => {
  folder = await tempFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const did = (n: number) => `did:plc:${'abcdefghijklmnopqrstuvwxyz'[n] ?? 'a'}${'2'.repeat(23)}`
let offset = 0
const seqs = new Map<string, number>()
/** The next envelope of an account on a host; offsets and seqs go on rising over the whole file. */
function event(n: number, type: VerifiedEnvelope['type'], change: Parameters<typeof envelope>[1] = {}) {
  const host = change.host ?? PDS
  const hostSeq = (seqs.get(host) ?? 0) + 1
  seqs.set(host, hostSeq)
  return envelope(type, { did: did(n), rawOffset: ++offset, hostSeq, ...change })
}

/** Commit `n` of an account, following commit `n - 1`. */
const commit = (account: number, n: number, change: Parameters<typeof envelope>[1] = {}) =>
  event(account, '#commit', {
    ...change,
    repo: {
      rev: rev(n),
      since: n === 1 ? null : rev(n - 1),
      prevData: n === 1 ? null : cid(1000 + n - 1),
      commit: cid(n),
      data: cid(1000 + n),
    },
  })
const status = (account: number, active: boolean, text: string | null, change = {}) =>
  event(account, '#account', { ...change, account: { active, status: text, time: TIME } })
const counts = ({ database }: { database: SqliteDatabase }) =>
  database
    .query<{ hostname: string; account_count: number }>('SELECT hostname, account_count FROM hosts')
    .then((rows) => Object.fromEntries(rows.map((row) => [row.hostname, Number(row.account_count)])))

describe('the sequencer', () => {
  it('appends what it takes, in order, and calls each envelope done exactly once, refused ones too', async () => {
    await using scene = await Scene.open(folder.path)
    const all = [
      event(0, '#identity'),
      status(0, true, null),
      commit(0, 1),
      commit(1, 1),
      commit(0, 1, { rawOffset: offset }),
      commit(0, 2),
      commit(1, 5),
    ]
    scene.offer(all)
    await scene.settled()
    expect(await kinds(scene.log)).toEqual([
      '#identity',
      '#account',
      '#commit',
      '#commit',
      '#commit',
      '#commit',
    ])
    expect(scene.done.toSorted((a, b) => a - b)).toEqual(
      all.map((e) => e.rawOffset).toSorted((a, b) => a - b),
    )
  })

  it('invariant 12: an append is cut by what it writes, and a thousand pending commits come out in order', async () => {
    await using scene = await Scene.open(folder.path, { limit: 10_000 })
    const appended: number[] = []
    scene.log.tail(({ bytes }) => appended.push(bytes.length))
    const account = (n: number) =>
      `did:plc:${n
        .toString(36)
        .replace(/[0189]/g, 'z')
        .padStart(24, '2')}`
    const dids = [...new Set(Array.from({ length: 1_500 }, (_, n) => account(n)))].slice(0, 1_000)
    const block = Buffer.alloc(9_000, 7)
    const statusOf = (one: string, active: boolean) =>
      event(0, '#account', {
        did: one,
        account: { active, status: active ? null : 'deactivated', time: TIME },
      })
    scene.offer(dids.map((one) => statusOf(one, false)))
    scene.offer(
      dids.map((one) => {
        const { frame, seqAt } = encodeSync({
          did: one,
          rev: rev(1),
          blocks: carOf(cid(1), block),
          time: TIME,
        })
        return { ...event(0, '#sync', { did: one }), frame, seqAt }
      }),
    )
    await scene.settled()
    appended.length = 0
    scene.offer(dids.map((one) => statusOf(one, true)))
    await scene.settled()
    const all = await kinds(scene.log)
    expect(all.slice(-2_000)).toEqual(dids.flatMap(() => ['#account', '#sync']))
    expect(appended.length).toBeGreaterThan(3)
    expect(Math.max(...appended)).toBeLessThan(3 * 2 ** 20)
    // And the same through control: an operator restores a thousand accounts at once.
    for (const one of dids) scene.sendControl({ kind: 'account-local', did: one, local: 'suspended' })
    await scene.settled()
    appended.length = 0
    for (const one of dids) scene.sendControl({ kind: 'account-local', did: one, local: 'active' })
    await scene.settled()
    expect(Math.max(...appended)).toBeLessThan(3 * 2 ** 20)
  })

  it('invariant 14: an event that cannot be sequenced is refused, and the others go on', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer([commit(0, 1), commit(1, 1, { host: 'h'.repeat(70_000) }), commit(2, 1)])
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', '#commit'])
    await scene.rejections.save()
    expect(await scene.database.query('SELECT reason, frames FROM refusals')).toEqual([
      { reason: 'internal-error', frames: 1 },
    ])
  })

  it('tells how many entries the view lacks, whatever seqs the log leaves out', async () => {
    {
      await using before = await Scene.open(folder.path)
      before.offer([event(0, '#identity')])
      await before.settled()
      await before.stop()
    }
    // After a crash a million seqs are left out; in a cluster 4,096 with each append.
    await using scene = await Scene.open(folder.path, { log: { generation: 2, clean: false } })
    expect(scene.log.bounds().next - (await viewPosition(scene.database))).toBeGreaterThan(2 ** 20)
    const lag = vi.spyOn(scene.metrics.viewLag, 'set')
    scene.offer(Array.from({ length: 20 }, () => event(0, '#identity')))
    await scene.settled()
    await until('the view', () => scene.view.position === scene.log.bounds().next - 1)
    await until('its lag', () => lag.mock.lastCall?.at(-1) === 0)
    const reported = lag.mock.calls.map((call) => call.at(-1) as number)
    expect(Math.max(...reported)).toBeGreaterThan(0)
    expect(Math.max(...reported)).toBeLessThanOrEqual(20)
  })

  it('C1: asks for the status of an account whose PDS called it inactive, and takes the answer in order', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer([commit(0, 1), status(0, false, 'deactivated'), commit(0, 2)])
    await scene.settled()
    const [question] = scene.asked
    expect(question).toEqual({ did: did(0), host: PDS, version: 1 })
    const answer = { kind: 'account-upstream', did: did(0), host: PDS, active: true, status: null } as const
    scene.sendControl({ ...answer, version: 0 })
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', '#account'])
    scene.sendControl({ ...answer, version: 1 })
    scene.offer([commit(0, 3)])
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', '#account', '#account', '#commit'])
    expect(scene.state.account(did(0))).toMatchObject({ rev: rev(3), discontinuous: 1, upstream: 'active' })
  })

  it('H8: each host counts its accounts over creation, move and deletion, and the view says the same', async () => {
    await using scene = await Scene.open(folder.path)
    const elsewhere = { host: 'new.example.com' }
    scene.offer([commit(0, 1), commit(1, 1), commit(2, 1), commit(3, 1, elsewhere)])
    await scene.settled()
    expect([scene.state.host(PDS).accountCount, scene.state.host('new.example.com').accountCount]).toEqual([
      3, 1,
    ])
    scene.offer([
      status(0, true, null, elsewhere),
      status(1, false, 'deleted'),
      status(2, false, 'deactivated'),
    ])
    await scene.settled()
    await scene.stop()
    expect(await counts(scene)).toEqual({ [PDS]: 1, 'new.example.com': 2 })
  })

  it('H8, E6: an account that comes back from deletion counts again; one deleted elsewhere first counts nowhere', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer([
      commit(0, 1),
      status(0, false, 'deleted'),
      status(0, true, null),
      status(1, false, 'deleted'),
    ])
    await scene.settled()
    await scene.stop()
    expect(await counts(scene)).toEqual({ [PDS]: 1 })
  })

  it('G7: accounts beyond the limit are throttled, also within one batch', async () => {
    await using scene = await Scene.open(folder.path, { limit: 2 })
    scene.offer([commit(0, 1), commit(1, 1), commit(2, 1), commit(2, 2)])
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', '#commit', '#account'])
    expect(scene.state.account(did(2))).toMatchObject({ local: 'throttled', rev: null })
  })

  it('H9: a ban through control holds from the next envelope on, and over a restart', async () => {
    {
      await using scene = await Scene.open(folder.path)
      scene.offer([commit(0, 1)])
      await scene.settled()
      scene.sendControl({ kind: 'host-ban', host: PDS, banned: true, why: 'test' })
      await scene.settled()
      scene.offer([commit(0, 2)])
      await scene.settled()
      expect(await kinds(scene.log)).toEqual(['#commit', 'quiet'])
      await scene.stop()
    }
    await using scene = await Scene.open(folder.path)
    scene.offer([commit(0, 3)])
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', 'quiet'])
  })

  it('H9: the reversal of a ban lets the host in again', async () => {
    await using scene = await Scene.open(folder.path)
    scene.sendControl({ kind: 'host-ban', host: PDS, banned: true, why: 'test' })
    scene.sendControl({ kind: 'host-ban', host: PDS, banned: false, why: 'test' })
    await scene.settled()
    scene.offer([commit(0, 1)])
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['quiet', 'quiet', '#commit'])
  })

  it('invariant 12: memory holds a budget of accounts, and what is read again is exact', {
    timeout: 20_000,
  }, async () => {
    const cacheBytes = 20 * 600
    await using scene = await Scene.open(folder.path, { cacheBytes, limit: 10_000 })
    const letters = 'abcdefghij'
    const account = (n: number) =>
      `did:plc:${[...String(n).padStart(24, '0')].map((d) => letters[Number(d)]).join('')}`
    const names = Array.from({ length: 160 }, (_, n) => account(n))
    for (const n of [1, 2, 3]) {
      for (let i = 0; i < names.length; i += 40) {
        scene.offer(names.slice(i, i + 40).map((name) => ({ ...commit(0, n), did: name })))
        await scene.settled()
        // What is dirty is kept until it is written; then the next load lets go of it.
        await scene.view.settled()
        await until('the view is written', () => scene.state.dirtyAccounts === 0)
      }
    }
    await scene.stop()
    expect(scene.state.cachedAccounts).toBeLessThanOrEqual(names.length / 2)
    const rows = await scene.database.query<{ rev: string; marked: number }>(
      'SELECT rev, marked FROM accounts',
    )
    expect(rows.filter((row) => row.rev === rev(3) && Number(row.marked) === 0)).toHaveLength(names.length)
  })

  it('invariant 11: a full disk holds everything back and loses nothing', { timeout: 10_000 }, async () => {
    const disk = new FullDisk()
    await using scene = await Scene.open(folder.path, { disk })
    scene.offer([commit(0, 1)])
    await scene.settled()
    disk.full = true
    scene.offer([commit(0, 2), commit(1, 1)])
    await until('a refused write', () => disk.refused > 0)
    expect(scene.done).toHaveLength(1)
    disk.full = false
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['#commit', '#commit', '#commit'])
    expect(scene.done).toHaveLength(3)
    expect(scene.state.account(did(0))).toMatchObject({ rev: rev(2), discontinuous: 0 })
  })
})

describe('invariant 5: the state is the database and the log', () => {
  const history = () => [
    event(0, '#identity'),
    status(0, true, null),
    commit(0, 1),
    commit(1, 1),
    commit(0, 2),
    status(1, false, 'deactivated'),
    commit(2, 1, { host: 'new.example.com' }),
    commit(0, 3, { host: 'new.example.com' }),
    status(2, false, 'deleted', { host: 'new.example.com' }),
    commit(0, 7, { host: 'new.example.com' }),
    event(0, '#identity', { host: 'new.example.com', digest: 'digest-2' }),
  ]

  it('a view of any earlier position comes up to the very same state', async () => {
    await using scene = await Scene.open(folder.path)
    for (const one of history()) {
      scene.offer([one])
      await scene.settled()
    }
    scene.sendControl({ kind: 'account-local', did: did(0), local: 'takendown' })
    await scene.settled()
    scene.sendControl({ kind: 'host-epoch', host: PDS, epoch: 4 })
    await scene.settled()
    await scene.stop()
    const live = await dump(scene.database)
    const { first, next } = scene.log.bounds()
    for (let position = first; position < next; position += 3) {
      await using late = await emptyDatabase()
      const { database } = late
      await replayLog(upTo(scene.log, position), database, new State(database, 100), 0)
      expect(await viewPosition(database)).toBe(position)
      const up = await replayLog(scene.log, database, new State(database, 100), position)
      expect(up.replayed).toBe(next - 1 - position)
      expect(await dump(database)).toEqual(live)
    }
  })

  it('after a restart the sequencer goes on where it was: repeats are dropped, followers follow', async () => {
    const all = history()
    {
      await using scene = await Scene.open(folder.path)
      scene.offer(all)
      await scene.settled()
    }
    await using scene = await Scene.open(folder.path)
    scene.offer(all)
    scene.offer(all.map((one) => ({ ...one, rawGeneration: 2 })))
    await scene.settled()
    expect(await kinds(scene.log)).toHaveLength(all.length)
    scene.offer([commit(0, 8, { host: 'new.example.com', rawGeneration: 2, rawOffset: 1e6 })])
    await scene.settled()
    expect(scene.state.account(did(0))).toMatchObject({ rev: rev(8), discontinuous: 1 })
  })

  it('a lost database is rebuilt from the log, hosts included', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer(history())
    await scene.settled()
    await scene.stop()
    await using fresh = await emptyDatabase()
    await replayLog(scene.log, fresh.database, new State(fresh.database, 100), 0)
    expect(await dump(fresh.database)).toEqual(await dump(scene.database))
    expect(await counts(fresh)).toEqual({ [PDS]: 1, 'new.example.com': 1 })
  })

  it.each([
    ['entries between view and floor are gone', { first: 200, next: 300, evicted: true }, 198, true],
    ['the next entry is the floor', { first: 200, next: 300, evicted: true }, 199, false],
    ['nothing was evicted', { first: 200, next: 300, evicted: false }, 0, false],
    ['an empty log lacks nothing', { first: 300, next: 300, evicted: true }, 5, false],
  ])('GapError: %s', (_name, bounds, position, isGap) => {
    if (isGap) expect(() => checkNoGap(bounds, position)).toThrow(GapError)
    else checkNoGap(bounds, position)
  })

  it('GapError: a database below the floor of a log that was really trimmed is refused', async () => {
    await using scene = await Scene.open(folder.path, { log: { segmentBytes: 1, retentionBytes: 1 } })
    for (let n = 1; n <= 3; n++) {
      scene.offer([commit(0, n)])
      await scene.settled()
    }
    await scene.log.trim(scene.log.bounds().next - 1)
    expect(scene.log.bounds().evicted).toBe(true)
    await using fresh = await emptyDatabase()
    const state = new State(fresh.database, 100)
    await expect(replayLog(scene.log, fresh.database, state, 0)).rejects.toThrow(GapError)
  })
})

describe('invariant 6: the view has a fence', () => {
  it('another generation moved it: the batch is refused whole, and the view says so from then on', async () => {
    await using fresh = await emptyDatabase()
    const { database } = fresh
    const mine = new State(database, 100)
    const view = new View(database, mine, 1, 0)
    const other = new View(database, new State(database, 100), 2, 0)
    await other.flush(50, 0)
    await mine.load(new Set([did(0)]), new Set([PDS]))
    const taken = { rawGeneration: 1, rawOffset: 1, host: PDS, epoch: 1, seq: 1 }
    mine.apply({ ...NO_FACTS, did: did(0), taken, moves: true }, 2 ** 32)
    await expect(view.flush(60, 0)).rejects.toMatchObject({ name: 'FencedError' })
    expect(() => view.due(70)).toThrow()
    await expect(view.settled()).rejects.toMatchObject({ name: 'FencedError' })
    expect(await database.query('SELECT * FROM accounts')).toEqual([])
    expect(await viewPosition(database)).toBe(50)
  })

  it('an older generation is refused at the same position, too', async () => {
    await using fresh = await emptyDatabase()
    const { database } = fresh
    const newer = new View(database, new State(database, 100), 5, 0)
    await newer.flush(10, 0)
    const older = new View(database, new State(database, 100), 4, 10)
    await expect(older.flush(20, 0)).rejects.toMatchObject({ name: 'FencedError' })
  })

  it('the log waits for a batch that takes too long, however few accounts have changed', async () => {
    await using fresh = await emptyDatabase()
    const hanging = Promise.withResolvers<void>()
    const slow = {
      query: fresh.database.query.bind(fresh.database),
      transaction: async (steps: readonly SqlStep[]) => {
        await hanging.promise
        return fresh.database.transaction(steps)
      },
      close: async () => undefined,
    }
    let nowMs = 5_000
    const view = new View(slow, new State(slow, 100), 1, 0, () => nowMs)
    expect(view.mustWait).toBe(false)
    const written = view.flush(10, 0)
    nowMs += MAX_LAG_MS - 1
    expect(view.mustWait).toBe(false)
    nowMs += 1
    expect(view.mustWait).toBe(true)
    hanging.resolve()
    await written
    expect([view.mustWait, view.position]).toEqual([false, 10])
  })

  it('a sequencer whose view was fenced stops with the fault', async () => {
    await using scene = await Scene.open(folder.path)
    const intruder = new View(scene.database, new State(scene.database, 100), 99, scene.view.position)
    await intruder.flush(2 ** 33, 0)
    scene.offer([commit(0, 1)])
    await expect(scene.stop()).rejects.toMatchObject({ name: 'FencedError' })
  })
})

/** A new database in a folder of its own. */
async function emptyDatabase(): Promise<AsyncDisposable & { database: SqliteDatabase }> {
  const other = await tempFolder()
  const database = await SqliteDatabase.open(join(other.path, 'state.db'))
  const dispose = async () => {
    await database.close()
    await other[Symbol.asyncDispose]()
  }
  return { database, [Symbol.asyncDispose]: dispose }
}

/** The log as it was when `position` was its newest seq. */
function upTo(log: Log, position: number): Log {
  return {
    generation: log.generation,
    keepsPositions: false,
    head: () => log.head(),
    checkpoint: null,
    bounds: () => ({ ...log.bounds(), next: position + 1 }),
    read: async (from, maxBytes) =>
      (await log.read(from, maxBytes)).filter(({ lastSeq }) => lastSeq <= position),
    tail: (listener) => log.tail(listener),
    append: (entries, checkpoint) => log.append(entries, checkpoint),
    trim: (at) => log.trim(at),
    close: () => log.close(),
  }
}

/** A disk that has no room while `full`. */
class FullDisk implements Disk {
  full = false
  refused = 0
  list = nodeDisk.list
  remove = nodeDisk.remove
  rename = nodeDisk.rename
  syncFolder = nodeDisk.syncFolder
  space = nodeDisk.space
  async open(path: string): Promise<DiskFile> {
    const file = await nodeDisk.open(path)
    return {
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      truncate: (length) => file.truncate(length),
      datasync: () => file.datasync(),
      close: () => file.close(),
      write: (bytes, position) => file.write(bytes, position),
      writeDurably: async (bytes, position) => {
        if (!this.full) return file.writeDurably(bytes, position)
        this.refused++
        await file.write(bytes.subarray(0, 10), position)
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      },
    }
  }
}
