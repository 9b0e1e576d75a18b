import type { BusProducer, BusTopic } from '@bgs/shared/bus/bus.ts'
import type { WakeUps } from '@bgs/shared/bus/wake-ups.ts'
import type { Database } from '@bgs/shared/db/database.ts'
import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import type { RawEnvelope } from '@bgs/shared/envelope/raw.ts'
import { type HostRow, hostsAskedSince } from '@bgs/shared/hosts/host-rows.ts'
import { Bell } from '@bgs/shared/service/bell.ts'
import type { Logger } from '@bgs/shared/service/logger.ts'
import type { InFlight } from './cursor-tracker.ts'
import { HostStore } from './host-store.ts'
import type { CrawlerMetrics } from './metrics.ts'
import { Quota, quotaLimits } from './quota.ts'
import { HostSession } from './session.ts'

/** How often cursors are written; and what is to be seen of hosts. */
const SAVE_EVERY_MS = 2_000
const REPORT_EVERY_MS = 500
/** How far back it is looked for hosts that were asked for. */
const ASKED_OVERLAP_MS = 60_000
/** Reconnects after a start are spread over so long for each host, and at most over half a minute. */
const SPREAD_MS_PER_HOST = 5
const SPREAD_MS = 30_000

export interface CrawlerParts {
  readonly database: Database
  readonly raw: BusTopic<RawEnvelope>
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  readonly partitions: number
  readonly gate: () => Promise<void> | undefined
  readonly metrics: CrawlerMetrics
  readonly logger: Logger
  readonly allowPrivate: boolean
  readonly startLive: boolean
  readonly now: () => number
}

/** Crawls every host that was asked for and is not banned: one session each (protocol.md section 6). */
export class Crawler {
  readonly #parts: CrawlerParts
  readonly #store: HostStore
  readonly #sessions = new Map<string, HostSession>()
  readonly #running = new Set<Promise<void>>()
  readonly #raw: BusProducer<RawEnvelope, InFlight>
  readonly #bell = new Bell()
  /** When each host was last asked for, as far as this crawler has acted on it. */
  readonly #asked = new Map<string, number>()
  #askedMs = 0
  #fault: unknown

  constructor(parts: CrawlerParts) {
    this.#parts = parts
    this.#store = new HostStore(parts.database)
    this.#raw = parts.raw.producer<InFlight>((token, refusal) => token.tracker.finish(token, refusal))
    parts.wakeUps.on('hosts', this.#bell.ring)
  }

  /** Runs until `signal` is aborted and all sockets are closed. Cursors of what is still on its way: see `saveAll`. */
  async run(signal: AbortSignal): Promise<void> {
    let savedMs = 0
    while (!signal.aborted) {
      if (this.#fault !== undefined) throw this.#fault
      await this.#admit(signal)
      await this.#store.saveReports(this.#sessions.values())
      if (this.#parts.now() - savedMs >= SAVE_EVERY_MS) {
        savedMs = this.#parts.now()
        await this.#store.saveCursors(this.#sessions.values())
      }
      this.#gauges()
      await this.#bell.wait(REPORT_EVERY_MS, signal)
    }
    await Promise.all(this.#running)
  }

  /** Writes cursors as they are now: at the end, when nothing is on its way any more. */
  async saveAll(): Promise<void> {
    await this.#store.saveCursors(this.#sessions.values(), true)
    await this.#store.saveReports(this.#sessions.values())
  }

  get hostCount(): number {
    return this.#sessions.size
  }

  /** Takes up hosts that were asked for since the last look. */
  async #admit(signal: AbortSignal): Promise<void> {
    // Looked at with an overlap: what is asked for at the same moment, or by a clock that lags, is not missed.
    const rows = await hostsAskedSince(this.#parts.database, this.#askedMs - ASKED_OVERLAP_MS)
    const spread = this.#askedMs === 0 ? Math.min(SPREAD_MS, rows.length * SPREAD_MS_PER_HOST) : 0
    for (const row of rows) {
      const askedMs = Number(row.asked_ms)
      if (this.#asked.get(row.hostname) === askedMs) continue
      this.#asked.set(row.hostname, askedMs)
      this.#askedMs = Math.max(this.#askedMs, askedMs)
      const known = this.#sessions.get(row.hostname)
      if (known === undefined) this.#begin(row, Math.random() * spread, signal)
      else known.crawlNow()
    }
  }

  #begin(row: HostRow, firstPauseMs: number, signal: AbortSignal): void {
    const { hostname } = row
    const trusted = Number(row.trusted) === 1
    const limits = quotaLimits(trusted, Number(row.account_limit))
    const session = new HostSession(
      {
        hostname,
        epoch: Number(row.epoch),
        cursor: row.cursor === null ? null : Number(row.cursor),
        failures: Number(row.failures),
      },
      this.#parts.startLive,
      {
        ...this.#parts,
        raw: this.#raw,
        lenient: Number(row.lenient) === 1,
        // On one's own machine nobody is to be protected from anybody.
        quota: this.#parts.allowPrivate ? undefined : new Quota(limits, this.#parts.now),
        raiseEpoch: (name, from) => this.#raiseEpoch(name, from),
        banAsRelay: (name) => this.#banAsRelay(name),
      },
    )
    this.#sessions.set(hostname, session)
    const running = session.run(signal, firstPauseMs).catch((error: unknown) => {
      this.#fault ??= error
      this.#bell.ring()
    })
    this.#running.add(running)
    running.finally(() => this.#running.delete(running)).catch(() => undefined)
  }

  /** The new epoch goes through control, so that a view restored from before still learns of it (invariant 7). */
  async #raiseEpoch(hostname: string, from: number): Promise<number> {
    const epoch = await this.#store.raiseEpoch(hostname, from)
    await this.#say({ kind: 'host-epoch', host: hostname, epoch })
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

  #say(message: ControlMessage): Promise<void> {
    return new Promise((resolve) => this.#parts.control.publish(0, message, 256, resolve))
  }

  #gauges(): void {
    const { metrics } = this.#parts
    const counts = new Map<string, number>()
    let connected = 0
    let bytes = 0
    for (const { report, tracker } of this.#sessions.values()) {
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
