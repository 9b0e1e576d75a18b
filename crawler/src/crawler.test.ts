import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { askForHost, findHost } from '@bgs/database/hosts/host-rows.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { NameLookup } from '@bgs/runtime/net/name-lookup.ts'
import { nameServersAt } from '@bgs/runtime/net/name-servers.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { SimAccount } from '@bgs/simnet/account.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { Random } from '@bgs/simnet/random.ts'
import { NameServer } from '@bgs/testkit/name-server.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AllHosts } from './all-hosts.ts'
import { Crawler } from './crawler.ts'
import { CursorTracker } from './cursor-tracker.ts'
import { HostStore } from './host-store.ts'
import { crawlerMetrics } from './metrics.ts'
import type { Names } from './opening.ts'
import type { HostSession } from './session.ts'
import { StatusRecheck } from './status-recheck.ts'

let folder: string
let database: SqliteDatabase
let pds: SimPds
let nowMs = 1_000_000
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crawler-'))
  database = await SqliteDatabase.open(join(folder, 'state.db'))
  pds = await SimPds.start()
})
afterEach(async () => {
  await pds.close()
  await database.close()
  await rm(folder, { recursive: true })
})

const ask = (hostname: string) =>
  askForHost(database, { hostname, trusted: true, accountLimit: 100, source: 'request', nowMs: ++nowMs })

/** A host with a session that stands still, to be saved. */
function sessionAt(hostname: string, epoch: number, lowWater: number | null) {
  const report = {
    status: 'active',
    connected: true,
    failures: 0,
    retryAtMs: 0,
    lastEventMs: 0,
    lastSeq: 9,
    lastError: null,
  }
  return {
    hostname,
    epoch,
    fence: 0,
    tracker: new CursorTracker(lowWater, () => undefined),
    report,
  } as unknown as HostSession
}
const cursorOf = async (hostname: string) => (await findHost(database, hostname))?.cursor

describe('Q9: saved cursors', () => {
  it('the first is saved at once, later ones lag a save behind the low-water mark, the last does not', async () => {
    const store = new HostStore(database)
    await ask('a.example.com')
    const session = sessionAt('a.example.com', 1, null)
    await store.saveCursors([session])
    expect(await cursorOf('a.example.com')).toBeNull()
    const saved: unknown[] = []
    for (const lowWater of [5, 9, 12]) {
      session.tracker.lowWater = lowWater
      await store.saveCursors([session])
      saved.push(await cursorOf('a.example.com'))
    }
    await store.saveCursors([session], true)
    saved.push(await cursorOf('a.example.com'))
    expect(saved).toEqual([5, 5, 9, 12])
  })

  it('Q12: a cursor of an older epoch is not saved over a newer one', async () => {
    const store = new HostStore(database)
    await ask('a.example.com')
    expect(await store.raiseEpoch('a.example.com', 1, 0)).toBe(2)
    await store.saveCursors([sessionAt('a.example.com', 1, 500)], true)
    expect(await findHost(database, 'a.example.com')).toMatchObject({ epoch: 2, cursor: null })
    await store.saveCursors([sessionAt('a.example.com', 2, 7)], true)
    expect(await cursorOf('a.example.com')).toBe(7)
  })

  it('Q12: an epoch that somebody else has raised is taken over, not raised again', async () => {
    const store = new HostStore(database)
    await ask('a.example.com')
    await store.raiseEpoch('a.example.com', 1, 0)
    expect(await store.raiseEpoch('a.example.com', 1, 0)).toBe(2)
  })

  it('writes a change of state at once, and that thousands of busy hosts have said more every few seconds', async () => {
    const store = new HostStore(database)
    const names = Array.from({ length: 3_000 }, (_, i) => `h${i}.example.com`)
    for (const name of names.slice(0, 2)) await ask(name)
    const sessions = names.map((name) => sessionAt(name, 1, 1))
    const [session] = sessions as [(typeof sessions)[0]]
    const written = async (all = sessions) => {
      await store.saveReports(all)
      const row = await findHost(database, 'h0.example.com')
      return [Number(row?.last_seq), row?.status]
    }
    expect(await written()).toEqual([9, 'active'])
    session.report.lastSeq = 10
    expect(await written()).toEqual([9, 'active'])
    session.report.status = 'throttled'
    expect(await written()).toEqual([10, 'throttled'])
    session.report.lastSeq = 11
    expect(await written()).toEqual([10, 'throttled'])
    await store.saveReports(sessions, true)
    expect(Number((await findHost(database, 'h0.example.com'))?.last_seq)).toBe(11)
    // Of a few it is written each time.
    session.report.lastSeq = 12
    await wait(10)
    expect(await written([session])).toEqual([12, 'throttled'])
  })

  it('H1: a report does not undo a ban', async () => {
    const store = new HostStore(database)
    await ask('a.example.com')
    await database.transaction([{ sql: 'UPDATE hosts SET banned = 1', rows: [[]] }])
    await store.saveReports([sessionAt('a.example.com', 1, 1)])
    expect(await findHost(database, 'a.example.com')).toMatchObject({
      status: 'banned',
      connected: 1,
      last_seq: 9,
    })
  })
})

/** A crawler on the database; what it publishes is done at once. */
function startCrawler(names: Names = strangersNames(true)) {
  const raw = new MemoryTopic<RawEnvelope>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  const control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  const wakeUps = new LocalWakeUps()
  const crawler = new Crawler({
    database,
    hosts: new AllHosts(database, () => nowMs),
    raw,
    control: control.producer<() => void>((done) => done()),
    wakeUps,
    partitions: 1,
    gate: () => undefined,
    descriptors: new Descriptors(undefined),
    metrics: crawlerMetrics(new Registry()),
    rejections: new RejectionRecorder(database),
    logger: createLogger('silent'),
    names,
    allowPrivate: true,
    startLive: false,
    now: () => performance.now() * 10,
  })
  const consumer = raw.consumer()
  const stop = new AbortController()
  const running = crawler.run(stop.signal)
  const seqs: number[] = []
  const take = () => {
    for (const entry of consumer.poll(100)) {
      if (entry.value.isHeartbeat !== true) seqs.push(entry.value.seq)
      consumer.done(entry)
    }
    return seqs.length
  }
  const end = async () => {
    stop.abort()
    await running
    await crawler.saveAll()
  }
  return { crawler, control: control.consumer(), wakeUps, take, seqs, end }
}

describe('the crawler', () => {
  it('takes up a host that is asked for while it runs, and on a restart goes on at its cursor', async () => {
    pds.announceIdentity('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
    const first = startCrawler()
    await ask(pds.hostname)
    first.wakeUps.emit('hosts')
    await until('the event', () => first.take() === 1)
    await first.end()
    expect(await findHost(database, pds.hostname)).toMatchObject({ cursor: 1, connected: 0, last_seq: 1 })
    pds.announceIdentity('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
    const second = startCrawler()
    await until('the next event', () => second.take() === 1)
    await second.end()
    expect(second.seqs).toEqual([2])
    expect(pds.cursorsSeen).toEqual([0, 1])
  })

  it('H10: hosts whose name servers do not answer hold up no others, of their own domain neither', async () => {
    const servers = await NameServer.start()
    const port = pds.hostname.split(':')[1]
    for (let i = 0; i < 100; i++) {
      await ask(`h${i}.hosts.test:${port}`)
      servers.names.set(`h${i}.hosts.test`, i % 10 === 0 ? 'silent' : ['127.0.0.1'])
    }
    const names = new NameLookup({ servers: nameServersAt([servers.address]), hostsPath: '/nowhere' })
    const { end } = startCrawler(names)
    await until('all but the ten', () => pds.subscriptions.size === 90)
    await end()
    servers.close()
  })

  it('H9: a banned host is not taken up', async () => {
    await ask(pds.hostname)
    await ask('localhost:1')
    await database.transaction([
      { sql: 'UPDATE hosts SET banned = 1 WHERE hostname = $1', rows: [[pds.hostname]] },
    ])
    const { crawler, end } = startCrawler()
    await until('the other host', () => crawler.hostCount === 1)
    await end()
    expect(pds.cursorsSeen).toEqual([])
  })

  it('H2: a host that was away for a week is read from where it was, by a start or when it asks to be', async () => {
    pds.announceIdentity('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
    pds.announceIdentity('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
    await ask(pds.hostname)
    const away = "UPDATE hosts SET cursor = 1, failures = 300, status = 'offline', retry_at_ms = 9e15"
    await database.transaction([{ sql: away, rows: [[]] }])
    const { wakeUps, crawler, take, seqs, end } = startCrawler()
    await until('what it sent meanwhile', () => take() === 1)
    expect(seqs).toEqual([2])
    const { hostname } = pds
    await pds.close()
    await expect.poll(async () => (await findHost(database, hostname))?.connected, { timeout: 4_000 }).toBe(0)
    // It comes back, and says so: the pause it is in ends.
    pds = await SimPds.start({ port: Number(hostname.split(':')[1]) })
    await ask(hostname)
    wakeUps.emit('hosts')
    await expect.poll(() => pds.cursorsSeen.length, { timeout: 4_000 }).toBeGreaterThan(0)
    await end()
    expect(crawler.crawls(hostname)).toBe(true)
  })

  it('pause, other limits, a restart and a ban reach a session that runs; each ends in the database as it is', async () => {
    await ask(pds.hostname)
    const { wakeUps, end } = startCrawler()
    const set = async (change: string) => {
      const sql = `UPDATE hosts SET ${change}, changed_ms = ${++nowMs}`
      await database.transaction([{ sql, rows: [[]] }])
      wakeUps.emit('hosts')
    }
    const connections = () => pds.cursorsSeen.length
    const row = () => findHost(database, pds.hostname)
    const soon = <T>(what: () => T) => expect.poll(what, { timeout: 4_000 })
    await soon(async () => (await row())?.connected).toBe(1)
    await set('events_per_second = 5')
    await set('paused = 1')
    await soon(row).toMatchObject({ connected: 0, status: 'idle' })
    expect(connections()).toBe(1)
    await set('paused = 0')
    await soon(row).toMatchObject({ connected: 1, status: 'active' })
    expect(connections()).toBe(2)
    await set('restarts = restarts + 1')
    await soon(connections).toBe(3)
    await set('banned = 1')
    await soon(row).toMatchObject({ connected: 0, status: 'banned' })
    await end()
    expect(connections()).toBe(3)
  })

  it('H5: a relay is banned through control', async () => {
    pds.handshakeHeaders = { Server: 'atproto-relay' }
    await ask(pds.hostname)
    const { control, end } = startCrawler()
    let messages: unknown[] = []
    await until('the ban', () => {
      messages = [...messages, ...control.poll(1).map(({ value }) => value)]
      return messages.length > 0
    })
    await end()
    expect(messages).toEqual([{ kind: 'host-ban', host: pds.hostname, banned: true, why: 'relay loop' }])
  })
})

describe('C1: asking a PDS for a status', () => {
  it('the answer goes through control with the version it was asked at; a DID is asked about once a minute', async () => {
    const account = await SimAccount.create({ random: new Random(1), handle: 'a.example.com' })
    pds.host(account, false)
    const control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: 1e9 })
    const producer = control.producer<() => void>((done) => done())
    const metrics = crawlerMetrics(new Registry())
    const recheck = new StatusRecheck(producer, metrics, true)
    const stop = new AbortController()
    const running = recheck.run(stop.signal)
    const { did } = account
    const host = pds.hostname
    recheck.ask({ did, host, version: 4 })
    recheck.ask({ did, host, version: 5 })
    recheck.ask({ did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', host, version: 1 })
    const results = async () =>
      (await metrics.rechecks.get()).values.reduce((sum, { value }) => sum + value, 0)
    while ((await results()) < 2) await turn()
    expect(
      control
        .consumer()
        .poll(10)
        .map(({ value }) => value),
    ).toEqual([{ kind: 'account-upstream', did, host, version: 4, active: false, status: 'deactivated' }])
    stop.abort()
    await running
  })

  it('a host that never answers does not hold up questions to another', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const account = await SimAccount.create({ random: new Random(1), handle: 'a.example.com' })
    pds.host(account, false)
    const control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: 1e9 })
    const recheck = new StatusRecheck(
      control.producer<() => void>((done) => done()),
      crawlerMetrics(new Registry()),
      true,
    )
    for (let i = 0; i < 50; i++)
      recheck.ask({ did: `did:plc:${String(i).padStart(24, 'a')}`, host: `localhost:${port}`, version: 1 })
    recheck.ask({ did: account.did, host: pds.hostname, version: 4 })
    const stop = new AbortController()
    const running = recheck.run(stop.signal)
    await until('the answer', () => control.consumer().poll(10).length > 0)
    stop.abort()
    silent.closeAllConnections()
    silent.close()
    await running
  })
})
