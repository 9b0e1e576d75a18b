import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { TRUSTED_ACCOUNT_LIMIT } from '@bgs/database/hosts/host-rows.ts'
import { trustHost } from '@bgs/database/hosts/trust-host.ts'
import { encodeSync } from '@bgs/protocol/frame/encode.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { decodeFrame } from '@bgs/simnet/wire.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StatusRechecker } from './housekeeping/status-rechecker.ts'
import { ThrottleReleaser } from './housekeeping/throttle-releaser.ts'
import { blockIn, carOf } from './rules/commit-block.ts'
import { cid, envelope, PDS, rev, TIME } from './testing/envelopes.ts'
import { Scene, tempFolder } from './testing/scene.ts'

let folder: Awaited<ReturnType<typeof tempFolder>>
let offset = 0
beforeEach(async () => {
  folder = await tempFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const did = (n: number) => `did:plc:${'abcdefghijklmnopqrstuvwxyz'[n] ?? 'a'}${'2'.repeat(23)}`
const blockOf = (n: number) => Buffer.from(`the signed commit ${n}`)

/** Commit `n` of an account, in a frame that holds its signed block. */
function commit(account: number, n: number, change: Parameters<typeof envelope>[1] = {}): VerifiedEnvelope {
  offset++
  const slotted = encodeSync({
    did: did(account),
    rev: rev(n),
    blocks: carOf(cid(n), blockOf(n)),
    time: TIME,
  })
  return envelope('#commit', {
    did: did(account),
    rawOffset: offset,
    hostSeq: offset,
    ...change,
    ...slotted,
    repo: {
      rev: rev(n),
      since: n === 1 ? null : rev(n - 1),
      prevData: n === 1 ? null : cid(1000 + n - 1),
      commit: cid(n),
      data: cid(1000 + n),
      ...change.repo,
    },
  })
}

const status = (account: number, active: boolean, text: string | null) =>
  envelope('#account', {
    did: did(account),
    rawOffset: ++offset,
    hostSeq: offset,
    account: { active, status: text, time: TIME },
  })

/** What the network was told, in short. */
async function served({ log }: Scene): Promise<string[]> {
  const all: string[] = []
  for (let at = log.bounds().first; ; ) {
    const batches = await log.read(at, 1 << 20)
    if (batches.length === 0) return all
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) if (batch.kind(i) !== 'quiet') all.push(shown(batch.payload(i)))
      at = batch.lastSeq + 1
    }
  }
}

function shown(frame: Uint8Array): string {
  const { type, body } = decodeFrame(frame)
  const who = 'abcdefghijklmnopqrstuvwxyz'.indexOf(String(body['did'] ?? body['repo'])[8] as string)
  return `${type} ${who} ${body['rev'] ?? body['status'] ?? body['active'] ?? ''}`.trim()
}

/** A releaser whose words go straight to the scene's sequencer. */
function releaser(scene: Scene, nowMs = () => Date.now(), isFull = () => false): ThrottleReleaser {
  const control = {
    publish: (_partition: number, message: ControlMessage, _bytes: number, done: () => void) => {
      scene.sendControl(message)
      done()
    },
    room: () => (isFull() ? new Promise<void>(() => undefined) : undefined),
  }
  return new ThrottleReleaser(scene.database, control as never, nowMs)
}

async function viewed(scene: Scene): Promise<void> {
  await scene.settled()
  await expect.poll(() => scene.view.position).toBe(scene.log.bounds().next - 1)
}

describe('S2: what an inactive account was not let say', () => {
  it('is said as a #sync behind the #account that makes it active again, once, and only the newest', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer([commit(0, 1), status(0, false, 'deactivated'), commit(0, 2), commit(0, 4), commit(0, 3)])
    await scene.settled()
    scene.offer([status(0, true, null)])
    await scene.settled()
    scene.offer([commit(0, 5, { repo: { since: rev(4), prevData: cid(1004) } })])
    await scene.settled()
    expect(await served(scene)).toEqual([
      `#sync 0 ${rev(1)}`,
      '#account 0 deactivated',
      '#account 0 true',
      `#sync 0 ${rev(4)}`,
      `#sync 0 ${rev(5)}`,
    ])
    expect(await scene.database.query('SELECT reason, frames FROM refusals')).toEqual([])
    await scene.rejections.save()
    expect(await scene.database.query('SELECT host, reason, frames FROM refusals')).toEqual([
      expect.objectContaining({ host: PDS, reason: 'account-inactive', frames: 3 }),
    ])
  })

  it('holds the signed block itself, over a restart', async () => {
    {
      await using scene = await Scene.open(folder.path)
      scene.offer([commit(0, 1)])
      await scene.settled()
      scene.sendControl({ kind: 'account-local', did: did(0), local: 'takendown' })
      await scene.settled()
      scene.offer([commit(0, 2)])
      await viewed(scene)
      scene.offer([commit(0, 3)])
      await scene.settled()
    }
    await using scene = await Scene.open(folder.path)
    scene.sendControl({ kind: 'account-local', did: did(0), local: 'active' })
    await scene.settled()
    expect((await served(scene)).slice(-2)).toEqual(['#account 0 true', `#sync 0 ${rev(3)}`])
    const batch = (await scene.log.read(scene.log.bounds().next - 1, 1)).at(-1)
    const frame = batch?.payload(batch.count - 1) as Uint8Array
    const scanned = scanFrame(frame)
    if (scanned.kind !== 'frame' || scanned.type !== '#sync') throw new Error('no #sync')
    const block = blockIn(frame, scanned.blocksAt, scanned.blocksEnd, cid(3))
    expect(Buffer.from(block ?? [])).toEqual(blockOf(3))
    await viewed(scene)
    expect(await scene.database.query('SELECT did FROM held_commits')).toEqual([])
  })
})

describe('H8: throttled for its host', () => {
  it('accounts are released oldest first when the limit is raised, and say what they missed', async () => {
    await using scene = await Scene.open(folder.path, { limit: 1 })
    scene.offer([commit(0, 1), commit(1, 1), commit(2, 1), commit(1, 2)])
    await viewed(scene)
    const [host] = await scene.database.query('SELECT account_count, throttled_count FROM hosts')
    expect(host).toMatchObject({ account_count: 3, throttled_count: 2 })
    await releaser(scene).look()
    await scene.settled()
    expect(await served(scene)).toEqual([`#sync 0 ${rev(1)}`, '#account 1 throttled', '#account 2 throttled'])

    scene.sendControl({ kind: 'host-limit', host: PDS, accountLimit: 2 })
    await viewed(scene)
    // Seen twice before the first word is taken: the second is void.
    await releaser(scene).look()
    await releaser(scene).look()
    await viewed(scene)
    expect((await served(scene)).slice(3)).toEqual(['#account 1 true', `#sync 1 ${rev(2)}`])

    // One leaves: there is room again.
    scene.offer([status(0, false, 'deleted')])
    await viewed(scene)
    await releaser(scene).look()
    await viewed(scene)
    expect((await served(scene)).slice(6)).toEqual(['#account 2 true', `#sync 2 ${rev(1)}`])
    expect(
      await scene.database.query('SELECT account_count, throttled_count, account_limit FROM hosts'),
    ).toEqual([expect.objectContaining({ account_count: 2, throttled_count: 0, account_limit: 2 })])
  })
})

describe('H8, H9: a host that is given trust', () => {
  it('has its throttled accounts released by the sequencer that runs, and nothing is said in vain', async () => {
    await using scene = await Scene.open(folder.path, { limit: 1 })
    scene.offer([commit(0, 1), commit(1, 1), commit(2, 1)])
    await viewed(scene)
    const host = { hostname: PDS, accountLimit: 1, source: 'setting', nowMs: Date.now() } as const
    await trustHost(scene.database, host, async (message) => {
      scene.sendControl(message)
      await viewed(scene)
    })
    await releaser(scene).look()
    await viewed(scene)
    expect((await served(scene)).slice(3)).toEqual([
      '#account 1 true',
      `#sync 1 ${rev(1)}`,
      '#account 2 true',
      `#sync 2 ${rev(1)}`,
    ])
    const [row] = await scene.database.query('SELECT throttled_count, account_limit, trusted FROM hosts')
    expect(row).toMatchObject({ throttled_count: 0, account_limit: TRUSTED_ACCOUNT_LIMIT, trusted: 1 })
  })
})

describe('3.6: throttled for its conduct', () => {
  it('an account that breaks its chain again and again is throttled, and released when its time is over', async () => {
    await using scene = await Scene.open(folder.path, { eventsPerHour: 3 })
    const broken = (n: number) => commit(0, n, { repo: { since: rev(n - 1), prevData: cid(77) } })
    scene.offer([commit(0, 1), ...[2, 3, 4, 5, 6].map(broken), commit(1, 1)])
    await viewed(scene)
    const syncs = [1, 2, 3, 4, 5].map((n) => `#sync 0 ${rev(n)}`)
    expect(await served(scene)).toEqual([...syncs, '#account 0 throttled', `#sync 1 ${rev(1)}`])
    expect(await scene.database.query('SELECT did FROM throttles')).toHaveLength(1)

    await releaser(scene).look()
    await viewed(scene)
    expect(await served(scene)).toHaveLength(7)
    // Invariant 12: where nobody hears it, nothing is said again and again.
    await releaser(
      scene,
      () => Date.now() + 61_000,
      () => true,
    ).look()
    await viewed(scene)
    expect(await served(scene)).toHaveLength(7)
    await releaser(scene, () => Date.now() + 61_000).look()
    await viewed(scene)
    expect((await served(scene)).slice(7)).toEqual(['#account 0 true', `#sync 0 ${rev(6)}`])
    expect(await scene.database.query('SELECT did FROM throttles')).toEqual([])
  })

  it('too many #identity that say nothing new: the rest is dropped, news are not', async () => {
    await using scene = await Scene.open(folder.path, { eventsPerHour: 2 })
    const identity = (digest: string) =>
      envelope('#identity', { did: did(0), rawOffset: ++offset, hostSeq: offset, digest })
    scene.offer([commit(0, 1), ...Array.from({ length: 5 }, () => identity('same')), identity('other')])
    await scene.settled()
    expect(await served(scene)).toEqual([
      `#sync 0 ${rev(1)}`,
      ...['#identity 0', '#identity 0', '#identity 0', '#account 0 throttled'],
      '#identity 0',
    ])
  })
})

describe('E2: accounts that were called inactive once', () => {
  it('are asked about one after the other, whatever their local status', async () => {
    await using scene = await Scene.open(folder.path)
    scene.offer([0, 1, 2, 3].map((n) => commit(n, 1)))
    scene.offer([
      status(1, false, 'suspended'),
      status(3, false, 'deactivated'),
      status(2, true, 'throttled'),
    ])
    scene.sendControl({ kind: 'account-local', did: did(3), local: 'takendown' })
    await viewed(scene)
    const asked: string[] = []
    const rechecker = new StatusRechecker(scene.database, ({ did }) => asked.push(did), 1_000)
    while ((await rechecker.turn()) > 0);
    expect(asked).toEqual([did(1), did(3)])
  })

  it('first those that have committed since, last those that were deleted; of one host few in a second', async () => {
    await using scene = await Scene.open(folder.path)
    const all = Array.from({ length: 12 }, (_, n) => n)
    scene.offer(all.map((n) => commit(n, 1)))
    scene.offer(all.map((n) => status(n, false, n < 3 ? 'deleted' : 'deactivated')))
    scene.offer([commit(11, 2), commit(7, 2)])
    await viewed(scene)
    const asked: string[] = []
    const rechecker = new StatusRechecker(scene.database, ({ did }) => asked.push(did), 1_000_000)
    const turns: number[] = []
    for (let count = await rechecker.turn(); count > 0; count = await rechecker.turn()) turns.push(count)
    const rest = all.filter((n) => n >= 3)
    expect(asked).toEqual([7, 11, ...rest, 0, 1, 2].map(did))
    expect(Math.max(...turns)).toBe(4)
  })
})

describe('H9: bans', () => {
  it('of a domain hold for all under it, over a restart, until they end', async () => {
    const from = (host: string, n: number) => commit(n, 1, { host })
    {
      await using scene = await Scene.open(folder.path)
      scene.sendControl({ kind: 'domain-ban', domain: 'bad.com', banned: true, why: 'spam' })
      await scene.settled()
      scene.offer([from('a.bad.com', 0), from('notbad.com', 1)])
      await viewed(scene)
      expect(await scene.database.query('SELECT domain FROM domains')).toEqual([
        expect.objectContaining({ domain: 'bad.com' }),
      ])
    }
    await using scene = await Scene.open(folder.path)
    scene.offer([from('bad.com', 2)])
    await scene.settled()
    scene.sendControl({ kind: 'domain-ban', domain: 'bad.com', banned: false, why: '' })
    await scene.settled()
    scene.offer([from('a.bad.com', 3)])
    await scene.settled()
    expect(await served(scene)).toEqual([`#sync 1 ${rev(1)}`, `#sync 3 ${rev(1)}`])
  })
})
