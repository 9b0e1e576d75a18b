import { Membership } from '@bgs/cluster/leases/membership.ts'
import { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runLeased } from './leased-task.ts'

const LEASE_MS = 600
const EVERY_MS = 50
const WAIT = { timeout: 20_000, interval: 20 }

let postgres: PostgresServer
let database: PostgresDatabase
let runs = 0
const members: Member[] = []
beforeAll(async () => {
  postgres = await startPostgres()
})
beforeEach(async () => {
  database = await PostgresDatabase.open(await postgres.createDatabase(`leased${++runs}`))
})
afterEach(async () => {
  for (const member of members.splice(0)) await member.stop()
  await database.close()
})
afterAll(() => postgres[Symbol.asyncDispose]())

/** A process of the role, and whether the task runs in it. */
class Member {
  isAtIt = false
  begun = 0
  fails = false
  readonly membership = new Membership(database, 'crawler', LEASE_MS)
  readonly #stop = new AbortController()
  readonly #renewing = new AbortController()
  running: Promise<unknown> = Promise.resolve()

  static async start(): Promise<Member> {
    const member = new Member()
    members.push(member)
    await member.membership.renew()
    member.running = Promise.all([member.membership.run(member.#renewing.signal), member.work()])
    return member
  }

  async work(): Promise<void> {
    const leases = new PartitionLeases(database, this.membership, 'webhook', 1)
    await runLeased(
      leases,
      EVERY_MS,
      async (signal) => {
        this.isAtIt = true
        this.begun++
        if (this.fails) throw new Error('made to fail')
        await wait(60_000, signal)
        this.isAtIt = false
      },
      this.#stop.signal,
    )
  }

  /** Goes without a word: renews no more, and gives nothing up. */
  die(): void {
    this.#renewing.abort()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#renewing.abort()
    await this.running.catch(() => undefined)
  }
}

const atIt = () => members.filter(({ isAtIt }) => isAtIt).length

describe('a task that one process of a role does', () => {
  it('is done by one of several, and by another once that one has ended', async () => {
    for (let i = 0; i < 3; i++) await Member.start()
    await expect.poll(atIt, WAIT).toBe(1)
    await wait(LEASE_MS)
    expect(members.reduce((sum, { begun }) => sum + begun, 0)).toBe(1)
    const first = members.find(({ isAtIt }) => isAtIt) as Member
    await first.stop()
    expect(first.isAtIt).toBe(false)
    await expect.poll(atIt, WAIT).toBe(1)
  })

  it('is taken over from one that renews its lease no more, which ends it', async () => {
    const first = await Member.start()
    await expect.poll(() => first.isAtIt, WAIT).toBe(true)
    const second = await Member.start()
    first.die()
    await expect.poll(() => second.isAtIt, WAIT).toBe(true)
    await expect.poll(() => first.isAtIt, WAIT).toBe(false)
  })

  it('fails as the task does', async () => {
    const member = new Member()
    member.fails = true
    await member.membership.renew()
    await expect(member.work()).rejects.toThrow('made to fail')
    await member.stop()
  })
})
