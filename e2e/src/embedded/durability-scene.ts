import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runActivity } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { QUIET_MIX, upheave } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect } from 'vitest'
import { DurabilityRelay } from './durability-relay.ts'

/** Above the minute for which the frames of a DID may wait for a look at its document (C8). */
const CAUGHT_UP_MS = 100_000
const CLOSED_MS = 10_000

export interface SceneOptions {
  readonly seed: number
  readonly hosts: number
  readonly accountsPerHost: number
  /** Where the relay keeps its data; a new folder by default. */
  readonly folder?: string
  readonly env?: Record<string, string>
}

/** Hosts that never stop offering, a relay that is ended in every way, and a subscriber that always comes back. */
export class DurabilityScene implements AsyncDisposable {
  readonly network: SimNetwork
  readonly relay: DurabilityRelay
  /** Follows the relay over all its lives: what it was served must stay true. */
  readonly checker: StreamChecker
  readonly #ownFolder: string | undefined
  #subscriber: CheckingSubscriber | undefined
  #activity: { stop: AbortController; done: Promise<unknown> } | undefined

  private constructor(network: SimNetwork, relay: DurabilityRelay, ownFolder: string | undefined) {
    this.network = network
    this.relay = relay
    this.checker = new StreamChecker(network.model)
    this.#ownFolder = ownFolder
  }

  static async create(options: SceneOptions): Promise<DurabilityScene> {
    const network = await SimNetwork.start(options)
    const ownFolder =
      options.folder === undefined ? await mkdtemp(join(tmpdir(), 'relay-durability-')) : undefined
    const folder = options.folder ?? ownFolder ?? ''
    const relay = await DurabilityRelay.create(folder, { ...network.relayEnv(), ...options.env })
    return new DurabilityScene(network, relay, ownFolder)
  }

  /** Events that the hosts have put into their logs so far. */
  get offered(): number {
    return this.network.hosts.reduce((sum, host) => sum + host.emitted, 0)
  }

  /** Lets things happen until `quiet` is called: commits at this rate, and one upheaval for so many of them. */
  offer(ratePerSecond: number, upheavalEvery = 0): void {
    const stop = new AbortController()
    const { signal } = stop
    const commits = runActivity(this.network, ratePerSecond, signal, QUIET_MIX)
    const done = upheavalEvery === 0 ? [commits] : [commits, this.#upheave(upheavalEvery, signal)]
    this.#activity = { stop, done: Promise.all(done) }
  }

  async #upheave(every: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const from = this.offered
      await until(
        'the hosts have offered more',
        () => signal.aborted || this.offered >= from + every,
        CAUGHT_UP_MS,
      )
      await upheave(this.network)
    }
  }

  /** Ends the activity; resolves when all of it is in the hosts' logs. */
  async quiet(): Promise<void> {
    this.#activity?.stop.abort()
    await this.#activity?.done
    this.#activity = undefined
    await this.network.idle()
  }

  /** Takes up the stream where it broke off, with the cursor last seen. False where the relay ended meanwhile. */
  async follow(): Promise<boolean> {
    await this.leave()
    if (!(await this.relay.readyOrEnded())) return false
    const { checker } = this
    try {
      this.#subscriber = await CheckingSubscriber.connect({
        url: this.relay.url,
        checker,
        cursor: checker.lastSeq,
      })
      return true
    } catch (error) {
      await until('a relay that closes a handshake ends', () => !this.relay.running, CLOSED_MS)
      if (this.relay.running) throw error
      return false
    }
  }

  /** After the relay has ended: takes what it had still sent. */
  async leave(): Promise<void> {
    await this.#subscriber?.until(({ closed }) => closed !== null, CLOSED_MS)
    await this.#subscriber?.close()
    this.#subscriber = undefined
  }

  /** Waits until the following subscriber has everything that must come. */
  async caughtUp(): Promise<void> {
    await until(
      'the subscriber has everything',
      () => this.checker.caughtUp,
      CAUGHT_UP_MS,
      () =>
        `missing: ${this.checker.verdict().missing.slice(0, 5).join('; ')}. ${this.relay.output.slice(-3_000)}`,
    )
  }

  /** A subscriber that comes for the first time and reads the whole log. */
  async readAll(): Promise<StreamChecker> {
    const reader = await CheckingSubscriber.connect({
      url: this.relay.url,
      model: this.network.model,
      cursor: 0,
    })
    await reader.until(({ lastSeq }) => lastSeq >= this.checker.lastSeq, CAUGHT_UP_MS)
    await reader.close()
    return reader.checker
  }

  /**
   * The verdict of invariant 11: every valid event arrived exactly once, in order per repo, at the subscriber that
   * was there all along and at one that reads it all now, under the same seq.
   */
  async expectExact(): Promise<void> {
    await this.quiet()
    await this.caughtUp()
    const later = await this.readAll()
    expect(summary(this.checker)).toEqual(FAULTLESS)
    expect(summary(later)).toEqual(FAULTLESS)
    expect(this.checker.differingSeqs(later)).toEqual([])
    expect(later.matchedCount).toBe(this.checker.matchedCount)
    expect([...this.checker.errors, ...later.errors]).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.quiet()
    await this.relay[Symbol.asyncDispose]()
    await this.leave()
    await this.network.close()
    if (this.#ownFolder !== undefined) await rm(this.#ownFolder, { recursive: true, force: true })
  }
}

export const FAULTLESS = {
  missing: [],
  duplicate: [],
  outOfOrder: [],
  unexpected: [],
  changed: [],
  holes: [],
  malformed: [],
}

/** What a checker found wrong. */
export function summary(
  checker: StreamChecker,
): Omit<ReturnType<StreamChecker['verdict']>, 'ok' | 'received'> {
  const { ok: _ok, received: _received, ...faults } = checker.verdict()
  return faults
}

/** The run's seed: TEST_SEED replays one. Printed, for whatever fails is told by it. */
export function runSeed(suite: string): number {
  const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
  process.stdout.write(`${suite}: TEST_SEED=${seed}\n`)
  return seed
}
