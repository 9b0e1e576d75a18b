import { Membership } from '@bgs/cluster/leases/membership.ts'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { Crawler } from '@bgs/crawler/crawler.ts'
import { CursorTracker } from '@bgs/crawler/cursor-tracker.ts'
import { HostStore } from '@bgs/crawler/host-store.ts'
import { crawlerMetrics } from '@bgs/crawler/metrics.ts'
import type { HostsSeen } from '@bgs/crawler/ownership.ts'
import type { HostSession } from '@bgs/crawler/session.ts'
import { askForHost, findHost, type HostRowSeen, REFRESH_DOMAIN } from '@bgs/database/hosts/host-rows.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LeasedHosts } from './leased-hosts.ts'

const LEASE_MS = 600
const WAIT = { timeout: 20_000, interval: 10 }
const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

let server: PostgresServer
let database: PostgresDatabase
let databases = 0
let nowMs = 1_000_000
const atEnd: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  database = await PostgresDatabase.open(await server.createDatabase(`hosts${++databases}`))
})
afterEach(async () => {
  server.resume()
  for (const end of atEnd.splice(0)) await end()
  await database.close()
})

const ask = (hostname: string) =>
  askForHost(database, { hostname, trusted: true, accountLimit: 100, source: 'request', nowMs: ++nowMs })
const askMany = async (count: number) => {
  const names = Array.from({ length: count }, (_, i) => `h${i}.example.com`)
  for (const name of names) await ask(name)
  return names
}

/** A crawler that looks when it is told to. */
async function join(): Promise<{ hosts: LeasedHosts; membership: Membership }> {
  const membership = new Membership(database, 'crawler', LEASE_MS)
  await membership.renew()
  return { hosts: new LeasedHosts(database, membership), membership }
}
const names = ({ assigned }: HostsSeen) => assigned.map(({ hostname }) => hostname)
const NOTHING = { assigned: [], revoked: [], excess: [] }

describe('hosts among the live crawlers', () => {
  it('are told once when they are claimed, again when they are asked for again', async () => {
    const all = await askMany(5)
    const { hosts } = await join()
    const first = await hosts.look()
    expect(names(first)).toEqual(all)
    expect(first.assigned.map(({ fence }) => Number(fence))).toEqual([1, 1, 1, 1, 1])
    expect(await hosts.look()).toEqual(NOTHING)
    await ask('h3.example.com')
    expect(names(await hosts.look())).toEqual(['h3.example.com'])
    await ask('new.example.com')
    expect(names(await hosts.look())).toEqual(['new.example.com'])
  })

  it.each(['banned', 'paused'])(
    'that are %s are told as suspended, and come back when that ends',
    async (flag) => {
      await askMany(3)
      const { hosts } = await join()
      await hosts.look()
      const set = (value: number) =>
        database.transaction([
          { sql: `UPDATE hosts SET ${flag} = $1 WHERE hostname = 'h1.example.com'`, rows: [[value]] },
        ])
      await set(1)
      const { assigned, revoked } = await hosts.look()
      expect([assigned.map(({ hostname, suspended }) => [hostname, Number(suspended)]), revoked]).toEqual([
        [['h1.example.com', 1]],
        [],
      ])
      await hosts.release(['h1.example.com'])
      expect(await hosts.look()).toEqual(NOTHING)
      await set(0)
      expect(names(await hosts.look())).toEqual(['h1.example.com'])
    },
  )

  it('under a banned domain are suspended, others are not', async () => {
    const refresh = { sql: REFRESH_DOMAIN, rows: [['bad.com', 1]] }
    for (const name of ['a.bad.com', 'bad.com', 'notbad.com']) await ask(name)
    await database.transaction([
      { sql: "INSERT INTO domains VALUES ('bad.com', 'ban', 1)", rows: [[]] },
      refresh,
    ])
    // One that is met while the ban stands.
    await ask('b.bad.com')
    const { hosts } = await join()
    expect(names(await hosts.look())).toEqual(['notbad.com'])
    await database.transaction([{ sql: 'DELETE FROM domains', rows: [[]] }, refresh])
    expect(names(await hosts.look()).sort()).toEqual(['a.bad.com', 'b.bad.com', 'bad.com'])
  })

  it('beyond a fair share are told as excess until they are given up, and are then another’s', async () => {
    const all = await askMany(10)
    const first = await join()
    expect(names(await first.hosts.look())).toEqual(all)
    const second = await join()
    expect(names(await second.hosts.look()), 'nothing is free').toEqual([])
    await first.membership.renew()
    const { excess } = await first.hosts.look()
    expect(excess).toEqual(all.slice(5))
    expect((await first.hosts.look()).excess, 'until they are given up').toEqual(excess)
    await first.hosts.release(excess)
    expect(await first.hosts.look()).toEqual(NOTHING)
    const seen = await second.hosts.look()
    expect(names(seen).toSorted()).toEqual(excess.toSorted())
    expect(seen.assigned.map(({ fence }) => Number(fence))).toEqual([3, 3, 3, 3, 3])
    const third = await join()
    await Promise.all([first, second].map(({ membership }) => membership.renew()))
    for (const { hosts } of [first, second]) await hosts.release((await hosts.look()).excess)
    expect(names(await third.hosts.look())).toHaveLength(2)
  })

  it('of a dead one go to the others, never before its lease has expired; it finds them revoked', async () => {
    const all = await askMany(4)
    const dead = await join()
    const deadMs = performance.now()
    await dead.hosts.look()
    const other = await join()
    await expect
      .poll(async () => {
        await other.membership.renew()
        return names(await other.hosts.look())
      }, WAIT)
      .toEqual(all)
    expect(performance.now() - deadMs).toBeGreaterThanOrEqual(LEASE_MS)
    expect(await dead.hosts.look(), 'not alive, it does not even ask').toEqual(NOTHING)
    await dead.membership.renew()
    expect((await dead.hosts.look()).revoked.toSorted()).toEqual(all)
  })

  it('are all given up at the end', async () => {
    const all = await askMany(3)
    const first = await join()
    await first.hosts.look()
    const second = await join()
    await first.hosts.release()
    await first.membership.leave()
    await second.membership.renew()
    expect(names(await second.hosts.look())).toEqual(all)
  })
})

describe('what a crawler writes of its hosts', () => {
  const session = (row: HostRowSeen, lowWater: number) => {
    const report = { status: 'idle', connected: true, failures: 3, retryAtMs: 1, lastEventMs: 1, lastSeq: 1 }
    return {
      hostname: row.hostname,
      epoch: Number(row.epoch),
      fence: Number(row.fence),
      tracker: new CursorTracker(lowWater, () => undefined),
      report: { ...report, lastError: null },
    } as unknown as HostSession
  }

  it('counts while it has them, and changes nothing once another has: cursor, report or epoch', async () => {
    await ask('a.example.com')
    const store = new HostStore(database)
    const { hosts } = await join()
    const [row] = (await hosts.look()).assigned as [HostRowSeen]
    await store.saveCursors([session(row, 10)], true)
    await store.saveReports([session(row, 10)])
    expect(await findHost(database, 'a.example.com')).toMatchObject({
      cursor: 10,
      status: 'idle',
      connected: 1,
    })
    await hosts.release(['a.example.com'])
    const before = await findHost(database, 'a.example.com')
    expect(before).toMatchObject({ owner: null, connected: 0 })
    await store.saveCursors([session(row, 666)], true)
    await store.saveReports([session(row, 666)])
    expect(await store.raiseEpoch(row.hostname, Number(row.epoch), Number(row.fence))).toBe(Number(row.epoch))
    expect(await findHost(database, 'a.example.com')).toEqual(before)
  })
})

/** A crawler with all that is its own; what it publishes arrives when the test says so. */
async function startCrawler() {
  const raw = new MemoryTopic<RawEnvelope>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  const control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  const membership = new Membership(database, 'crawler', LEASE_MS)
  await membership.renew()
  const hosts = new LeasedHosts(database, membership)
  const crawler = new Crawler({
    database,
    hosts,
    raw,
    control: control.producer<() => void>((done) => done()),
    wakeUps: new LocalWakeUps(),
    partitions: 1,
    gate: membership.gate,
    descriptors: new Descriptors(undefined),
    metrics: crawlerMetrics(new Registry()),
    rejections: new RejectionRecorder(database),
    logger: createLogger('silent'),
    names: strangersNames(true),
    allowPrivate: true,
    startLive: false,
    now: () => Math.round(performance.now() * 10),
  })
  const consumer = raw.consumer()
  const stop = new AbortController()
  const running = Promise.all([crawler.run(stop.signal), membership.run(stop.signal)])
  const halt = async () => {
    stop.abort()
    await running
  }
  atEnd.push(halt)
  /** Seqs by host, of what was taken and called done. */
  const arrived = new Map<string, number[]>()
  const take = (limit = 1_000) => {
    for (const entry of consumer.poll(limit)) {
      const { host, seq } = entry.value
      arrived.set(host, [...(arrived.get(host) ?? []), seq])
      consumer.done(entry)
    }
  }
  return { crawler, hosts, membership, arrived, take, halt }
}

async function startHosts(count: number): Promise<SimPds[]> {
  const all = await Promise.all(Array.from({ length: count }, () => SimPds.start()))
  for (const pds of all) {
    atEnd.push(() => pds.close())
    await ask(pds.hostname)
  }
  return all
}

const counted = (arrived: ReadonlyMap<string, readonly number[]>) =>
  [...arrived.values()].reduce((sum, seqs) => sum + new Set(seqs).size, 0)

describe('a crawler with leased hosts', () => {
  it('hands hosts over to one that joins: whatever was on its way, no event is lost', async () => {
    const all = await startHosts(6)
    const emit = () => {
      for (const pds of all) pds.announceIdentity(DID)
    }
    for (let n = 0; n < 40; n++) emit()
    const first = await startCrawler()
    await expect
      .poll(() => {
        first.take(7)
        return counted(first.arrived)
      }, WAIT)
      .toBeGreaterThan(60)
    // From now on nothing of the first one arrives for a while; what it has in hand then is dropped with it.
    for (let n = 0; n < 40; n++) emit()
    const second = await startCrawler()
    await expect.poll(() => [first.crawler.hostCount, second.crawler.hostCount], WAIT).toEqual([3, 3])
    const moved = all.filter(({ hostname }) => second.crawler.crawls(hostname)).map((pds) => pds.hostname)
    const before = new Map([...first.arrived].filter(([host]) => moved.includes(host)))
    for (let n = 0; n < 40; n++) emit()
    const together = () => {
      const seqs = new Map(before)
      for (const [host, more] of [...first.arrived, ...second.arrived])
        if (moved.includes(host) === second.arrived.has(host))
          seqs.set(host, [...(before.get(host) ?? []), ...more])
      return seqs
    }
    await expect
      .poll(() => {
        first.take()
        second.take()
        return counted(together())
      }, WAIT)
      .toBe(6 * 120)
    for (const [host, seqs] of together())
      expect(
        [...new Set(seqs)].toSorted((a, b) => a - b),
        host,
      ).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
    // Each begins to read at most where the other one's events had arrived.
    for (const host of moved) {
      const [from = 0] = second.arrived.get(host) ?? []
      expect(from).toBeLessThanOrEqual(Math.max(0, ...(before.get(host) ?? [])) + 1)
    }
  })

  it('takes the hosts of a dead one over at the cursor that was saved', async () => {
    const [pds] = (await startHosts(1)) as [SimPds]
    for (let n = 0; n < 5; n++) pds.announceIdentity(DID)
    const first = await startCrawler()
    await expect
      .poll(async () => {
        first.take()
        return (await findHost(database, pds.hostname))?.cursor
      }, WAIT)
      .toBe(5)
    for (let n = 0; n < 5; n++) pds.announceIdentity(DID)
    // Dies without a word: nothing is saved, nothing is released.
    await first.halt()
    const second = await startCrawler()
    await expect
      .poll(() => {
        second.take()
        return second.arrived.get(pds.hostname)
      }, WAIT)
      .toEqual([6, 7, 8, 9, 10])
    expect(pds.cursorsSeen).toEqual([0, 5])
    await first.crawler.saveAll()
    await expect.poll(async () => (await findHost(database, pds.hostname))?.cursor, WAIT).toBe(10)
  })

  it('that is not alive for the others reads on only when it is again', async () => {
    const [pds] = (await startHosts(1)) as [SimPds]
    const { take, arrived, membership } = await startCrawler()
    const untilArrived = (seqs: number[]) =>
      expect
        .poll(() => {
          take()
          return arrived.get(pds.hostname)
        }, WAIT)
        .toEqual(seqs)
    pds.announceIdentity(DID)
    await untilArrived([1])
    server.pause()
    await expect.poll(() => membership.isLive, WAIT).toBe(false)
    // The frame with which it notices; what another crawler may have sent by now is only repeated by it.
    pds.announceIdentity(DID)
    await untilArrived([1, 2])
    pds.announceIdentity(DID)
    await expect.poll(() => pds.drained, WAIT).toBe(true)
    await untilArrived([1, 2])
    server.resume()
    await untilArrived([1, 2, 3])
  })
})
