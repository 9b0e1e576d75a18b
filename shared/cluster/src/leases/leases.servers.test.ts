import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readConsumed, saveConsumed } from './consumed.ts'
import { Membership } from './membership.ts'
import { type LeasedPartition, PartitionLeases } from './partition-leases.ts'
import type { Standing } from './standing.ts'
import { raiseTopicGeneration, topicGeneration } from './topic-generation.ts'

const LEASE_MS = 600
/** For what must not happen: a machine that is busy for half a second lets a member die, and rightly so. */
const LONG_LEASE_MS = 2_400
const PARTITIONS = 16
const WAIT = { timeout: 20_000, interval: 10 }

let server: PostgresServer
let url: string
let database: PostgresDatabase
let databases = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  url = await server.createDatabase(`leases${++databases}`)
  database = await PostgresDatabase.open(url)
})
afterEach(async () => {
  server.resume()
  for (const member of members.splice(0)) await member.end()
  await database.close()
})

const members: Member[] = []

/** A process that renews its membership and looks at its partitions, until it is paused or leaves. */
class Member implements Standing {
  readonly membership: Membership
  readonly leases: PartitionLeases
  owned: readonly LeasedPartition[] = []
  isStill = false
  #nothingSinceMs: number | undefined
  /** When the last renewal that it knows of was begun. */
  renewedMs = 0
  readonly #database: PostgresDatabase
  readonly #leaseMs: number
  #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  private constructor(own: PostgresDatabase, leaseMs: number) {
    this.#database = own
    this.#leaseMs = leaseMs
    this.membership = new Membership(own, 'verifier', leaseMs, this)
    this.leases = new PartitionLeases(own, this.membership, 'raw', PARTITIONS)
  }

  static async join(leaseMs = LEASE_MS): Promise<Member> {
    const member = new Member(await PostgresDatabase.open(url), leaseMs)
    members.push(member)
    await member.membership.renew()
    await member.leases.prepare()
    member.wake()
    return member
  }

  /** From now on nothing gets through to it, which it need not have noticed. */
  getNothing(): void {
    this.#nothingSinceMs ??= performance.now()
  }

  standStill(): void {
    this.getNothing()
    this.isStill = true
  }

  work(): void {
    this.#nothingSinceMs = undefined
    this.isStill = false
  }

  get workedAgoMs(): number {
    return this.#nothingSinceMs === undefined ? 0 : performance.now() - this.#nothingSinceMs
  }

  get numbers(): number[] {
    return this.owned.map(({ number }) => number)
  }

  wake(): void {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    this.#running = Promise.all([this.#renew(signal), this.#look(signal)])
  }

  /** From now on it does nothing, as a process that was stopped. */
  async pause(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async leave(): Promise<void> {
    await this.pause()
    await this.leases.release(this.numbers)
    await this.membership.leave()
    this.owned = []
  }

  async end(): Promise<void> {
    await this.pause()
    await this.#database.close()
  }

  async #renew(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begunMs = performance.now()
      await this.membership.renew()
      this.renewedMs = begunMs
      await wait(this.#leaseMs / 4, signal)
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.owned = await this.leases.look()
      await wait(this.#leaseMs / 8, signal)
    }
  }
}

/** Looks all the time whether two that are alive hold a partition under the same fence. */
function watch(): { readonly doubled: string[]; readonly end: () => void } {
  const doubled: string[] = []
  const look = () => {
    const seen = new Set<string>()
    for (const { owned, membership } of members) {
      if (!membership.isLive) continue
      for (const { number, fence } of owned) {
        const key = `partition ${number}, fence ${fence}`
        if (seen.has(key)) doubled.push(key)
        seen.add(key)
      }
    }
  }
  const timer = setInterval(look, 3)
  return { doubled, end: () => clearInterval(timer) }
}

/** Waits until these members hold all partitions between them, each one no more than `most`. */
async function untilShared(among: readonly Member[], most: number): Promise<void> {
  const all = Array.from({ length: PARTITIONS }, (_, i) => i)
  await expect
    .poll(() => {
      const owned = among.flatMap(({ numbers }) => numbers).toSorted((a, b) => a - b)
      return [owned, Math.max(...among.map(({ numbers }) => numbers.length)) <= most]
    }, WAIT)
    .toEqual([all, true])
}

const join = (count: number, leaseMs = LEASE_MS) =>
  Promise.all(Array.from({ length: count }, () => Member.join(leaseMs)))

const owners = async () => {
  const rows = await database.query<{ owner: string; fence: number }>(
    "SELECT owner, fence FROM partitions WHERE topic = 'raw' ORDER BY number",
  )
  return rows.map(({ owner, fence }) => `${owner} ${fence}`)
}

describe('partitions among the live members of a role (invariant 1)', () => {
  it('are shared fairly, and anew when one joins, leaves or dies; never does the dead one’s lease end early', async () => {
    const { doubled, end } = watch()
    const [first, second, third] = (await join(3)) as [Member, Member, Member]
    await untilShared([first, second, third], 6)
    const fourth = await Member.join()
    await untilShared([first, second, third, fourth], 4)
    await second.leave()
    await untilShared([first, third, fourth], 6)
    const { numbers, renewedMs } = third
    await third.pause()
    const taken = () => first.numbers.concat(fourth.numbers).filter((number) => numbers.includes(number))
    await expect.poll(() => taken().length, WAIT).toBeGreaterThan(0)
    expect(performance.now() - renewedMs).toBeGreaterThanOrEqual(LEASE_MS)
    expect(third.membership.isLive).toBe(false)
    await untilShared([first, fourth], 8)
    end()
    expect(doubled).toEqual([])
  })

  it('of one that was paused are gone when it wakes: it may save nothing, and takes a share again', async () => {
    const { doubled, end } = watch()
    const [first, paused] = (await join(2)) as [Member, Member]
    await untilShared([first, paused], 8)
    await paused.pause()
    const { owned } = paused
    await untilShared([first], 16)
    expect(paused.membership.isLive).toBe(false)
    expect(await paused.leases.look(), 'not alive, it does not even ask').toEqual([])
    const before = await owners()
    await paused.leases.save(owned.map((lease) => ({ ...lease, generation: 9, position: 666 })))
    await paused.leases.release(paused.numbers)
    expect(await owners()).toEqual(before)
    await paused.membership.renew()
    expect(await paused.leases.look()).toEqual([])
    paused.wake()
    await untilShared([first, paused], 8)
    end()
    expect(doubled).toEqual([])
  })

  it('stay with their members over an outage of the database: who is back first judges nobody', async () => {
    const { doubled, end } = watch()
    // With less than a full share one of them would take more whenever it can.
    const all = await join(3, LONG_LEASE_MS)
    await untilShared(all, 6)
    const before = await owners()
    for (let i = 0; i < 2; i++) {
      // At another moment of their rounds each time.
      await wait(i * 100)
      server.pause()
      await expect.poll(() => all.some(({ membership }) => membership.isLive), WAIT).toBe(false)
      server.resume()
      await expect.poll(() => all.every(({ membership }) => membership.isLive), WAIT).toBe(true)
      // Long enough for everybody to judge again.
      const renewedMs = Math.max(...all.map((member) => member.renewedMs)) + 2 * LONG_LEASE_MS
      await expect.poll(() => all.every((member) => member.renewedMs > renewedMs), WAIT).toBe(true)
    }
    expect(await owners()).toEqual(before)
    end()
    expect(doubled).toEqual([])
  })

  it('of one that does not come back after an outage go to the others once these are steady again', async () => {
    const [first, second, third] = (await join(3)) as [Member, Member, Member]
    await untilShared([first, second, third], 6)
    const renewing = third.pause()
    server.pause()
    await expect.poll(() => first.membership.isLive, WAIT).toBe(false)
    server.resume()
    await renewing
    await untilShared([first, second], 8)
  })

  it('of one that stands still go to those that do not, and some come back once it works again', async () => {
    const { doubled, end } = watch()
    const [first, second, third] = (await join(3)) as [Member, Member, Member]
    await untilShared([first, second, third], 6)
    third.standStill()
    await untilShared([first, second], 8)
    await expect.poll(() => third.numbers, WAIT).toEqual([])
    // Where the machine stands still for a lease it is dead for a moment.
    await expect.poll(() => [third.membership.isLive, third.membership.yields], WAIT).toEqual([true, true])
    third.work()
    await untilShared([first, second, third], 6)
    end()
    expect(doubled).toEqual([])
  })

  it('of one that stands still, and does not look at its leases either, are taken all the same', async () => {
    const { doubled, end } = watch()
    const own = await PostgresDatabase.open(url)
    const stuck = new Membership(own, 'verifier', LEASE_MS, { isStill: true, workedAgoMs: 60_000 })
    const stop = new AbortController()
    await stuck.renew()
    const leases = new PartitionLeases(own, stuck, 'raw', PARTITIONS)
    await leases.prepare()
    expect((await leases.look()).length, 'alone it keeps what it has, and takes what is free').toBe(
      PARTITIONS,
    )
    const renewing = stuck.run(stop.signal)
    await untilShared([await Member.join()], PARTITIONS)
    expect(await leases.look()).toEqual([])
    stop.abort()
    await renewing
    await own.close()
    end()
    expect(doubled).toEqual([])
  })

  it('stay where they are while all stand still, and when one after the other works again', async () => {
    const all = await join(3)
    await untilShared(all, 6)
    const before = await owners()
    // Nothing gets through to any of them from now on, but they notice one after the other.
    for (const member of all) member.getNothing()
    for (const member of all) {
      member.isStill = true
      const since = member.renewedMs
      await expect.poll(() => all.every(({ renewedMs }) => renewedMs > since + LEASE_MS), WAIT).toBe(true)
    }
    expect(all.some(({ membership }) => membership.yields)).toBe(false)
    for (const member of all) member.work()
    const since = performance.now()
    await expect.poll(() => all.every(({ renewedMs }) => renewedMs > since + 2 * LEASE_MS), WAIT).toBe(true)
    expect(await owners()).toEqual(before)
  })

  it('save moves positions under the present fence alone', async () => {
    const member = await Member.join()
    await untilShared([member], 16)
    await member.pause()
    const [zero, one] = member.owned as [LeasedPartition, LeasedPartition]
    const read = () => readConsumed(database, 'raw', 2)
    await member.leases.save([
      { ...zero, generation: 2, position: 77, leaderEpoch: 5 },
      { ...one, generation: 2, position: 88, fence: one.fence - 1 },
    ])
    expect(await read()).toEqual(new Map([[0, 77]]))
    await member.membership.renew()
    const [again] = await member.leases.look()
    expect(again).toEqual({ number: 0, generation: 2, position: 77, leaderEpoch: 5, fence: zero.fence })
    await member.leases.release([0])
    await member.leases.save([{ ...zero, generation: 2, position: 99 }])
    expect((await read()).get(0)).toBe(77)
    await member.leases.save([])
  })

  it('say whose turn it is: a gate is closed while others may take the member for dead', async () => {
    const member = await Member.join()
    expect(member.membership.gate()).toBeUndefined()
    await member.pause()
    await expect.poll(() => member.membership.isLive, WAIT).toBe(false)
    const gate = member.membership.gate()
    expect(gate).toBeInstanceOf(Promise)
    await member.membership.renew()
    await gate
    expect(member.membership.gate()).toBeUndefined()
    await member.membership.leave()
    expect(member.membership.isLive).toBe(false)
  })

  it('roles do not count one another', async () => {
    const crawler = new Membership(database, 'crawler', LEASE_MS)
    await crawler.renew()
    const member = await Member.join()
    expect(crawler.others).toEqual([crawler.id])
    expect([member.membership.count, crawler.count]).toEqual([1, 1])
  })
})

describe('up to where a topic is consumed', () => {
  const of = (generation: number, ...positions: [number, number][]) => ({
    topic: 'verified',
    generation,
    positions: new Map(positions),
  })

  it('is what the last one to lead says, in its generation of the topic', async () => {
    const leases = new PartitionLeases(database, (await Member.join()).membership, 'verified', 4)
    await leases.prepare()
    await saveConsumed(database, of(1, [1, 50], [2, 60]), 7)
    await saveConsumed(database, of(1, [1, 70]), 6)
    await saveConsumed(database, of(1), 7)
    const first = new Map([
      [1, 50],
      [2, 60],
    ])
    expect(await readConsumed(database, 'verified', 1)).toEqual(first)
    // The topic was made anew: its offsets begin at 0 again.
    await saveConsumed(database, of(2, [1, 3]), 8)
    expect(await readConsumed(database, 'verified', 2)).toEqual(new Map([[1, 3]]))
    expect(await readConsumed(database, 'verified', 1)).toEqual(new Map([[2, 60]]))
  })
})

describe('our generation of a topic', () => {
  it('is raised once for each new id of it, however many ask at once', async () => {
    expect(await topicGeneration(database, 'raw', 'a')).toBe(1)
    expect(await topicGeneration(database, 'raw', 'a')).toBe(1)
    const many = Array.from({ length: 12 }, () => topicGeneration(database, 'raw', 'b'))
    expect(new Set(await Promise.all(many))).toEqual(new Set([2]))
    expect(await topicGeneration(database, 'verified', 'b')).toBe(1)
    expect(await topicGeneration(database, 'raw', 'a'), 'an id does not come back').toBe(3)
    await Promise.all(Array.from({ length: 5 }, () => raiseTopicGeneration(database, 'raw', 3)))
    expect(
      await topicGeneration(database, 'raw', 'a'),
      'raised once by whoever saw that it lost its end',
    ).toBe(4)
  })
})
