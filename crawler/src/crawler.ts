/**
 * The crawler: one session for each host that this process owns, which moves frames from the host to `raw`.
 *
 * Twice a second it asks which hosts are new, changed, revoked or too many (ownership.ts), begins and ends their sessions,
 * and saves what these report (host-store.ts). A session (session.ts) connects. Its intake (frame-intake.ts) reads type,
 * DID and seq of each frame (door.ts), notes that the seq is on its way (cursor-tracker.ts), and publishes the frame.
 *
 * Why a killed crawler loses nothing (Q9):
 * 1. Frames 7 and 8 arrive and go to `raw`. The cursor is 6.
 * 2. Frame 8 is safe before frame 7. The cursor stays 6, because 7 is still on its way.
 * 3. The process dies. The host's next session asks for what follows 6, and gets 7 and 8.
 * 4. Frame 8 came twice: the sequencer drops the second one (invariant 2).
 * In a cluster a crawler that was paused may wake when another has its hosts. The fence of each row has been raised, so
 * the cursors that it still saves change nothing.
 */

import type { BusProducer, BusTopic } from '@bgs/contract/bus/bus.ts'
import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { HostRowSeen } from '@bgs/database/hosts/host-rows.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import type { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import type { InFlight } from './cursor-tracker.ts'
import type { HostReach } from './host-reach.ts'
import { HostStore } from './host-store.ts'
import type { CrawlerMetrics } from './metrics.ts'
import type { Names } from './opening.ts'
import type { Ownership } from './ownership.ts'
import { sendRawHeartbeats } from './raw-heartbeat.ts'
import { HostSession } from './session.ts'
import { tooUnfinished } from './unfinished.ts'

/** How often cursors are written; and what is to be seen of hosts. */
const SAVE_EVERY_MS = 2_000
const REPORT_EVERY_MS = 500
/** Reconnects after a start are spread over so long for each host, and at most over half a minute. */
const SPREAD_MS_PER_HOST = 5
const SPREAD_MS = 30_000

export interface CrawlerParts {
  readonly database: Database
  readonly hosts: Ownership
  readonly raw: Pick<BusTopic<RawEnvelope>, 'producer'>
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  readonly partitions: number
  readonly gate: () => Promise<void> | undefined
  readonly descriptors: Descriptors
  readonly metrics: CrawlerMetrics
  readonly rejections: RejectionRecorder
  readonly logger: Logger
  readonly names: Names
  readonly allowPrivate: boolean
  readonly startLive: boolean
  /** Where it matters whether hosts can be reached: in a cluster another crawler may reach them. */
  readonly reach?: HostReach
  readonly now: () => number
}

/** A session, and the way to end it before the crawler ends. */
interface Running {
  readonly session: HostSession
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** Crawls the hosts that it owns: one session each (protocol.md section 6). */
export class Crawler {
  readonly #parts: CrawlerParts
  readonly #store: HostStore
  readonly #running = new Map<string, Running>()
  readonly #raw: BusProducer<RawEnvelope, InFlight>
  readonly #notify = new Notify()
  #hasLooked = false
  #fault: unknown

  constructor(parts: CrawlerParts) {
    this.#parts = parts
    this.#store = new HostStore(parts.database)
    this.#raw = parts.raw.producer<InFlight>((token) => token.tracker.finish(token))
    parts.wakeUps.on('hosts', this.#notify.notify)
  }

  /** Runs until `signal` is aborted and all sockets are closed. Cursors of what is still on its way: see `saveAll`. */
  async run(signal: AbortSignal): Promise<void> {
    let savedMs = Number.NEGATIVE_INFINITY
    const beats = sendRawHeartbeats(this.#raw, this.#parts.partitions, signal)
    while (!signal.aborted) {
      if (this.#fault !== undefined) throw this.#fault
      await this.#admit(signal)
      await this.#store.saveReports(this.#sessions())
      if (monotonicMs() - savedMs >= SAVE_EVERY_MS) {
        savedMs = monotonicMs()
        await this.#store.saveCursors(this.#sessions())
      }
      this.#closeUnfinished()
      this.#updateMetrics()
      this.#noteReach()
      await this.#notify.wait(REPORT_EVERY_MS, signal)
    }
    await Promise.all([beats, ...[...this.#running.values()].map(({ ended }) => ended)])
  }

  /** Writes cursors as they are now: at the end, when nothing is on its way any more. */
  async saveAll(): Promise<void> {
    await this.#store.saveCursors(this.#sessions(), true)
    await this.#store.saveReports(this.#sessions(), true)
  }

  get hostCount(): number {
    return this.#running.size
  }

  /** Whether this process crawls a host now. */
  crawls(hostname: string): boolean {
    return this.#running.has(hostname)
  }

  /** A verifier found a frame of a host broken (W4); nothing where this process does not crawl it. */
  noteBroken({ host, ...frame }: BrokenFrame): void {
    this.#running.get(host)?.session.noteBroken(frame)
  }

  /** What a host's frames have cost beyond its events; nothing where this process does not crawl it. */
  charge({ host, ...cost }: { host: string; refused: number; slowMs: number }): void {
    this.#running.get(host)?.session.charge(cost)
  }

  #sessions(): HostSession[] {
    return [...this.#running.values()].map(({ session }) => session)
  }

  /** Takes up hosts that are this crawler's, lets go of those that no longer are, and does what operators ask. */
  async #admit(signal: AbortSignal): Promise<void> {
    const { assigned, revoked, excess } = await this.#parts.hosts.look()
    await Promise.all(revoked.map((hostname) => this.#end(hostname)))
    this.#parts.metrics.hostLeases.inc({ change: 'lost' }, revoked.length)
    if (excess.length > 0) await this.#giveUp(excess)
    const spread = this.#hasLooked ? 0 : Math.min(SPREAD_MS, assigned.length * SPREAD_MS_PER_HOST)
    this.#hasLooked = true
    const suspended = assigned.filter((row) => Number(row.suspended) === 1)
    if (suspended.length > 0) await this.#suspend(suspended)
    for (const row of assigned) {
      if (excess.includes(row.hostname) || Number(row.suspended) === 1) continue
      const known = this.#running.get(row.hostname)?.session
      if (known !== undefined && known.restarts === Number(row.restarts)) {
        known.change(row)
        known.crawlNow()
        continue
      }
      // Its cursor is not saved: the row says where to begin.
      if (known !== undefined) await this.#end(row.hostname)
      this.#begin(row, Math.random() * spread, signal)
    }
  }

  /** Banned or paused: disconnected at once, and left to whoever crawls it when that ends (H9). */
  async #suspend(rows: readonly HostRowSeen[]): Promise<void> {
    const ended = await Promise.all(rows.map(({ hostname }) => this.#end(hostname)))
    const sessions = ended.filter((session) => session !== undefined)
    for (const { report } of sessions) report.connected = false
    await this.#store.saveCursors(sessions, true)
    await this.#store.saveReports(sessions, true)
    await this.#store.noteSuspended(rows)
    await this.#parts.hosts.release(rows.map(({ hostname }) => hostname))
    for (const { hostname } of sessions)
      this.#parts.logger.info({ host: hostname }, 'host banned or paused: disconnected')
  }

  async #end(hostname: string): Promise<HostSession | undefined> {
    const running = this.#running.get(hostname)
    running?.stop.abort()
    await running?.ended
    this.#running.delete(hostname)
    return running?.session
  }

  /** What of them is still on its way comes again from whoever takes them: the cursor is that of what is safe. */
  async #giveUp(hostnames: readonly string[]): Promise<void> {
    const ended = await Promise.all(hostnames.map((hostname) => this.#end(hostname)))
    const sessions = ended.filter((session) => session !== undefined)
    await this.#store.saveCursors(sessions, true)
    await this.#parts.hosts.release(hostnames)
    this.#parts.metrics.hostLeases.inc({ change: 'given-up' }, hostnames.length)
    this.#parts.logger.info({ hosts: hostnames.length }, 'gave hosts up to another crawler')
  }

  #begin(row: HostRowSeen, firstPauseMs: number, signal: AbortSignal): void {
    const { hostname } = row
    const session = new HostSession(row, {
      ...this.#parts,
      raw: this.#raw,
      raiseEpoch: (name, from, fence) => this.#raiseEpoch(name, from, fence),
      banAsRelay: (name) => this.#banAsRelay(name),
    })
    const stop = new AbortController()
    const ended = session
      .run(AbortSignal.any([signal, stop.signal]), firstPauseMs)
      .catch((error: unknown) => {
        this.#fault ??= error
        this.#notify.notify()
      })
    this.#running.set(hostname, { session, stop, ended })
    this.#parts.metrics.hostLeases.inc({ change: 'taken' })
  }

  /** The new epoch goes through control, so that a view restored from before still learns of it (invariant 7). */
  async #raiseEpoch(hostname: string, from: number, fence: number): Promise<number> {
    const epoch = await this.#store.raiseEpoch(hostname, from, fence)
    await this.#sendControl({ kind: 'host-epoch', host: hostname, epoch })
    return epoch
  }

  #banAsRelay(hostname: string): void {
    this.#parts.logger.warn({ host: hostname }, 'the host is a relay itself: banned')
    this.#parts.control.publish(
      0,
      { kind: 'host-ban', host: hostname, banned: true, why: 'relay loop' },
      256,
      () => undefined,
    )
  }

  #sendControl(message: ControlMessage): Promise<void> {
    return new Promise((resolve) => this.#parts.control.publish(0, message, 256, resolve))
  }

  /** Nobody holds memory with messages that never end (W7, H10). */
  #closeUnfinished(): void {
    const all = this.#sessions()
      .map(({ unfinished }) => unfinished)
      .filter(({ bytes }) => bytes > 0)
    this.#parts.metrics.unfinishedBytes.set(all.reduce((sum, { bytes }) => sum + bytes, 0))
    for (const host of tooUnfinished(all)) this.#running.get(host)?.session.closeUnfinished()
  }

  #noteReach(): void {
    const { reach } = this.#parts
    if (reach === undefined) return
    let tried = 0
    let isReached = false
    for (const session of this.#sessions()) {
      if (session.hasEnded || session.report.connected) tried++
      if (session.wasReached || session.report.connected) isReached = true
      session.wasReached = false
    }
    reach.note({ tried, isReached })
  }

  #updateMetrics(): void {
    const { metrics } = this.#parts
    const counts = new Map<string, number>()
    let connected = 0
    let bytes = 0
    for (const { report, tracker } of this.#sessions()) {
      counts.set(report.status, (counts.get(report.status) ?? 0) + 1)
      if (report.connected) connected++
      bytes += tracker.bytes
    }
    for (const status of ['active', 'idle', 'offline', 'throttled', 'banned'])
      metrics.hosts.set({ status }, counts.get(status) ?? 0)
    metrics.connected.set(connected)
    metrics.inFlightBytes.set(bytes)
  }
}
