/**
 * The sequencer: the only place where order and state meet. It reads control first, then `verified`, a batch at a time:
 * 1. It loads the accounts and hosts that the batch names (state/state.ts).
 * 2. It decides on each envelope (rules/decide.ts). Facts of what is taken are applied at once (appends.ts).
 * 3. It appends the entries, their facts with them (log-writer.ts). Where the disk is full it waits, and so do the hosts.
 * 4. Only then are the envelopes done: a host's cursor may pass them (invariant 11).
 * 5. A moment later (upkeep.ts) the view writes changed accounts and hosts, with their position (view.ts).
 *
 * What becomes of a batch where the process is killed:
 * - before 3 is durable: nothing has happened, and all of it comes again.
 * - between 3 and 4: it comes again, and is dropped as taken already (invariant 2).
 * - between 3 and 5: the next start applies the log's facts above the view's position (replay-log.ts, invariant 5).
 * - another process writes the order by then: the log refuses this one's append, the view its batch (invariants 6, 9).
 */

import type { BusConsumer, BusEntry } from '@bgs/contract/bus/bus.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { HOST_THROTTLE } from '@bgs/contract/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Log } from '@bgs/contract/log/log.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import { Appends } from './appends.ts'
import { InputPositions } from './input-positions.ts'
import { LogWriter } from './log-writer.ts'
import type { SequencerMetrics } from './metrics.ts'
import { Pulse } from './pulse.ts'
import { AccountRateLimit, type AccountRateSettings } from './rules/account-rate-limit.ts'
import { decideControl } from './rules/control.ts'
import { decide } from './rules/decide.ts'
import { type Append, type Decision, type Drop, drop } from './rules/decision.ts'
import type { Account } from './state/account.ts'
import type { State } from './state/state.ts'
import { Upkeep } from './upkeep.ts'
import type { View } from './view.ts'

/** Envelopes, or messages of control, looked at together at most. */
const BATCH = 1_000
/** The account's PDS should be asked for its status; `version` is that of the state it is asked at (C1). */
export interface StatusQuestion {
  readonly did: string
  readonly host: string
  readonly version: number
}

export interface SequencerParts {
  readonly verified: BusConsumer<VerifiedEnvelope>
  /** Of raw and verified. */
  readonly partitions: number
  readonly control: BusConsumer<ControlMessage>
  readonly log: Log
  readonly state: State
  readonly view: View
  readonly metrics: SequencerMetrics
  readonly logger: Logger
  /** Hears of questions for hosts; must return at once. */
  readonly ask: (question: StatusQuestion) => void
  /** Hears of what is rejected. */
  readonly rejections: RejectionRecorder
  readonly accountRate: AccountRateSettings
  /** The time of day. */
  readonly now: () => number
}

/** One batch at a time: what is applied and what is appended never differ when the view is written. */
export class Sequencer {
  readonly #parts: SequencerParts
  /** Messages and envelopes taken from the bus and not yet appended, where one append could not hold them all. */
  #orders: BusEntry<ControlMessage>[] = []
  #waiting: BusEntry<VerifiedEnvelope>[] = []
  readonly #notify = new Notify()
  readonly #inputs: InputPositions
  readonly #pulse: Pulse
  readonly #writer: LogWriter
  readonly #upkeep: Upkeep
  readonly #accountRate: AccountRateLimit
  /** When the newest event in the log was received. */
  #newestMs: number | undefined

  constructor(parts: SequencerParts) {
    this.#parts = parts
    const { log, state, view, metrics, logger, now } = parts
    this.#accountRate = new AccountRateLimit(parts.accountRate)
    this.#inputs = InputPositions.decode(log.checkpoint, {
      verified: parts.verified.generation,
      control: parts.control.generation,
    })
    const pulse = new Pulse(parts.partitions)
    const writer = new LogWriter({ log, inputs: this.#inputs, pulse, metrics, logger }, view.position)
    this.#pulse = pulse
    this.#writer = writer
    this.#upkeep = new Upkeep({ log, writer, state, view, pulse, metrics, logger, now })
  }

  /** How long ago something last came through each part of the way, in milliseconds. */
  get heartbeatAges(): Pulse['ages'] {
    return this.#pulse.ages
  }

  /** Brings up to date what changes while nothing comes. */
  updateMetrics(): void {
    const { metrics, view, now } = this.#parts
    metrics.newestEventAge.set(this.#newestMs === undefined ? 0 : (now() - this.#newestMs) / 1_000)
    // The loop itself may be the one that waits.
    metrics.viewWriting.set(view.writingMs / 1_000)
  }

  /** Runs until `signal` is aborted and everything offered is appended. Throws when order could no longer be kept. */
  async run(signal: AbortSignal): Promise<void> {
    const { control, verified, view } = this.#parts
    control.onAvailable(this.#notify.notify)
    verified.onAvailable(this.#notify.notify)
    for (;;) {
      // Control is read first (invariant 7).
      if (this.#orders.length < BATCH) this.#orders.push(...control.poll(BATCH))
      if (this.#waiting.length < BATCH) this.#waiting.push(...verified.poll(BATCH))
      const isIdle = this.#orders.length + this.#waiting.length === 0
      if (this.#orders.length > 0) await this.#takeControl()
      if (this.#waiting.length > 0) await this.#takeBatch()
      await this.#upkeep.step(this.#waiting.length)
      if (!isIdle) continue
      if (signal.aborted) break
      // The view is written a moment after the last event, too.
      await this.#notify.wait(this.#writer.position > view.position ? 50 : 1_000, signal)
    }
    await this.#upkeep.finish()
  }

  async #takeControl(): Promise<void> {
    const { state, log, control } = this.#parts
    const batch = this.#orders.slice(0, BATCH)
    const dids = new Set(batch.flatMap(({ value }) => ('did' in value ? [value.did] : [])))
    const hosts = new Set(batch.flatMap(({ value }) => ('host' in value ? [value.host] : [])))
    await state.load(dids, hosts)
    const appends = new Appends(log.bounds().next)
    let count = 0
    for (const { value } of batch) {
      if (appends.isFull) break
      this.#obey(value, appends)
      count++
    }
    const taken = this.#orders.splice(0, count)
    for (const entry of taken) this.#inputs.takeControl(entry)
    await this.#writer.append(appends)
    for (const entry of taken) control.done(entry)
  }

  /** Applies one message of control; one that cannot be applied is void, and no reason to end (invariant 14). */
  #obey(message: ControlMessage, appends: Appends): void {
    const { state, metrics, logger, now } = this.#parts
    const count = (outcome: 'applied' | 'void') => metrics.control.inc({ kind: message.kind, outcome })
    if (message.kind === 'heartbeat') this.#pulse.control = monotonicMs()
    try {
      const account = 'did' in message ? state.account(message.did) : undefined
      const decision = decideControl(account, account && state.host(account.pdsHost), message, now())
      if (decision !== null) appends.add(decision, state)
      if (account !== undefined) appends.addPendingCommit(account, state, now())
      count(decision === null ? 'void' : 'applied')
    } catch (error) {
      count('void')
      logger.error(
        { err: error, kind: message.kind },
        'carrying out a control message failed: please report it',
      )
    }
  }

  async #takeBatch(): Promise<void> {
    const { state, log, verified, metrics, now } = this.#parts
    const batch = this.#waiting.slice(0, BATCH)
    await state.load(
      new Set(batch.map(({ value }) => value.did)),
      new Set(batch.map(({ value }) => value.host)),
    )
    const appends = new Appends(log.bounds().next)
    let count = 0
    for (const { value } of batch) {
      if (appends.isFull) break
      if (value.isHeartbeat !== true) this.#sequence(value, appends)
      count++
    }
    const taken = this.#waiting.splice(0, count)
    for (const entry of taken) this.#inputs.takeVerified(entry)
    crashPoint('before-append')
    await this.#writer.append(appends)
    crashPoint('after-append')
    const doneMs = now()
    for (const entry of taken) {
      if (entry.value.isHeartbeat === true) this.#pulse.noteRaw(entry.partition)
      else this.#newestMs = entry.value.receivedMs
      metrics.endToEndSeconds.observe((doneMs - entry.value.receivedMs) / 1_000)
      verified.done(entry)
    }
  }

  /** Takes or rejects one envelope. Never throws: what proves not to be decidable is rejected (invariant 14). */
  #sequence(envelope: VerifiedEnvelope, appends: Appends): void {
    const { state, logger } = this.#parts
    const account = state.account(envelope.did)
    try {
      const decision = this.#decide(account, envelope)
      if (decision.kind !== 'drop') appends.add(decision, state)
      const rejected = decision.kind === 'drop' ? decision : decision.rejected
      if (rejected !== undefined) this.#noteRejected(account, envelope, rejected)
      if (decision.kind !== 'drop') this.#addConsequences(decision, envelope, appends)
    } catch (error) {
      const { host, did, hostSeq: seq } = envelope
      logger.error({ err: error, host, did, seq }, 'sequencing this event failed: please report it')
      this.#noteRejected(account, envelope, drop('internal-error'))
    }
  }

  #decide(account: Account | undefined, envelope: VerifiedEnvelope): Decision {
    const { state, now } = this.#parts
    if (state.isInBannedDomain(envelope.host)) return drop('host-banned')
    return decide(account, state.host(envelope.host), envelope, now())
  }

  /** What an event brings along: a pending commit (S2), and a throttle for the account's rate of events (3.6). */
  #addConsequences(decision: Append, envelope: VerifiedEnvelope, appends: Appends): void {
    const { state, metrics, now } = this.#parts
    const known = state.account(envelope.did)
    if (known === undefined) return
    appends.addPendingCommit(known, state, now())
    const throttled = this.#accountRate.note(known, decision, envelope, now())
    if (decision.facts.local === HOST_THROTTLE) metrics.throttles.inc({ cause: 'limit' })
    if (throttled === null) return
    metrics.throttles.inc({ cause: 'conduct' })
    appends.add(throttled, state)
  }

  #noteRejected(account: Account | undefined, envelope: VerifiedEnvelope, { reason, ask }: Drop): void {
    const { host, did, hostSeq: seq } = envelope
    this.#parts.metrics.rejected.inc({ reason })
    this.#parts.rejections.note({ host, did, seq, reason, detail: '' })
    if (ask && account !== undefined)
      this.#parts.ask({ did: account.did, host: account.pdsHost, version: account.version })
    this.#parts.logger.debug({ host, did, seq, reason }, 'event refused')
  }
}
