import type { BusConsumer, BusEntry } from '@bgs/shared/bus/bus.ts'
import { hashDid } from '@bgs/shared/bus/partition.ts'
import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import { encodeFacts } from '@bgs/shared/envelope/facts.ts'
import { HOST_THROTTLE } from '@bgs/shared/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/shared/envelope/verified.ts'
import type { RefusalBook } from '@bgs/shared/hosts/refusal-book.ts'
import { type Log, LogFullError } from '@bgs/shared/log/log.ts'
import type { LogEntry, Pack } from '@bgs/shared/log/pack.ts'
import { Bell } from '@bgs/shared/service/bell.ts'
import { crashPoint } from '@bgs/shared/service/crash-point.ts'
import type { Logger } from '@bgs/shared/service/logger.ts'
import { inSpan } from '@bgs/shared/service/spans.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import { InputPositions } from './input-positions.ts'
import type { SequencerMetrics } from './metrics.ts'
import { Conduct, type ConductLimits } from './rules/conduct.ts'
import { decideControl } from './rules/control.ts'
import { decide } from './rules/decide.ts'
import { type Append, type Drop, drop } from './rules/decision.ts'
import { syncOfHeld } from './rules/held.ts'
import { type Account, isActive } from './state/account.ts'
import type { State } from './state/state.ts'
import type { View } from './view.ts'

/** Envelopes in one append at most; and bytes, about: a slow subscriber may hold on to a pack or two. */
const BATCH = 1_000
const BATCH_BYTES = 2 * 1024 * 1024
/** Wait before an append is tried again on a full disk. */
const FULL_RETRY_MS = 1_000
/** How often segments beyond the window are looked for. */
const TRIM_EVERY_MS = 5_000
/** After so long input positions are written that no append has carried: all that came was refused. */
const POSITIONS_EVERY_MS = 5_000

/** The account's PDS should be asked for its status; `version` is that of the state it is asked at (C1). */
export interface StatusQuestion {
  readonly did: string
  readonly host: string
  readonly version: number
}

export interface SequencerParts {
  readonly verified: BusConsumer<VerifiedEnvelope>
  readonly control: BusConsumer<ControlMessage>
  readonly log: Log
  readonly state: State
  readonly view: View
  readonly metrics: SequencerMetrics
  readonly logger: Logger
  /** Hears of questions for hosts; must return at once. */
  readonly ask: (question: StatusQuestion) => void
  /** Hears of what is refused. */
  readonly refusals: RefusalBook
  readonly conduct: ConductLimits
  readonly now: () => number
}

/**
 * The only place where order and state meet. Takes verified envelopes and control messages, applies the rules that
 * need state, appends, and only then calls them done (invariants 2, 5, 7, 11). One batch at a time: what is applied
 * and what is appended never differ when the view is written.
 */
export class Sequencer {
  readonly #parts: SequencerParts
  /** Envelopes taken from the bus and not yet appended, where one append could not hold them all. */
  #waiting: BusEntry<VerifiedEnvelope>[] = []
  readonly #bell = new Bell()
  readonly #inputs: InputPositions
  readonly #conduct: Conduct
  /** When something last came through each part of the way. */
  readonly #pulse: Record<'control' | 'log' | 'view', number>
  #position: number
  /** When the newest event in the log was received. */
  #newestMs: number | undefined
  #viewSeen: number
  #trimmedMs = 0
  /** Since when input positions have moved that no append has carried; undefined: none have. */
  #movedMs: number | undefined

  constructor(parts: SequencerParts) {
    this.#parts = parts
    this.#position = parts.view.position
    this.#viewSeen = parts.view.position
    this.#conduct = new Conduct(parts.conduct)
    const nowMs = parts.now()
    this.#pulse = { control: nowMs, log: nowMs, view: nowMs }
    this.#inputs = InputPositions.decode(parts.log.checkpoint, {
      verified: parts.verified.generation,
      control: parts.control.generation,
    })
  }

  /**
   * How long ago a heartbeat was taken from control, something was appended to the log, and the view was written, in
   * milliseconds.
   */
  get heartbeatAges(): Record<'control' | 'log' | 'view', number> {
    const nowMs = this.#parts.now()
    const { control, log, view } = this.#pulse
    return { control: nowMs - control, log: nowMs - log, view: nowMs - view }
  }

  /** Brings up to date what changes while nothing comes. */
  gauge(): void {
    const { metrics, view, now } = this.#parts
    metrics.newestEventAge.set(this.#newestMs === undefined ? 0 : (now() - this.#newestMs) / 1_000)
    // The loop itself may be the one that waits.
    metrics.viewWriting.set(view.writingMs(now()) / 1_000)
  }

  /** Runs until `signal` is aborted and everything offered is appended. Throws when order could no longer be kept. */
  async run(signal: AbortSignal): Promise<void> {
    const { control, verified, view } = this.#parts
    control.onAvailable(this.#bell.ring)
    verified.onAvailable(this.#bell.ring)
    for (;;) {
      // Control is read first (invariant 7).
      const messages = control.poll(BATCH)
      if (messages.length > 0) await this.#takeControl(messages)
      if (this.#waiting.length < BATCH) this.#waiting.push(...verified.poll(BATCH))
      if (this.#waiting.length > 0) await this.#takeBatch()
      await this.#housekeeping()
      if (messages.length + this.#waiting.length > 0) continue
      if (signal.aborted) break
      // The view is written a moment after the last event, too.
      await this.#bell.wait(this.#position > view.position ? 50 : 1_000, signal)
    }
    await view.settled()
    if (this.#position > view.position) await view.flush(this.#position, this.#parts.now())
  }

  async #takeControl(batch: readonly BusEntry<ControlMessage>[]): Promise<void> {
    const { state, metrics, now } = this.#parts
    const dids = new Set(batch.flatMap(({ value }) => ('did' in value ? [value.did] : [])))
    const hosts = new Set(batch.flatMap(({ value }) => ('host' in value ? [value.host] : [])))
    await state.load(dids, hosts)
    const appends = new Appends(this.#parts.log.bounds().next)
    for (const { value } of batch) {
      const account = 'did' in value ? state.account(value.did) : undefined
      const host = account && state.host(account.host)
      const decision = decideControl(account, host, value, now())
      metrics.control.inc({ kind: value.kind, outcome: decision === null ? 'void' : 'applied' })
      if (value.kind === 'heartbeat') this.#pulse.control = now()
      if (decision !== null) appends.add(decision, state)
      if (account !== undefined) appends.addHeld(account, state, now())
    }
    for (const entry of batch) this.#inputs.takeControl(entry)
    await this.#append(appends)
    for (const entry of batch) this.#parts.control.done(entry)
  }

  async #takeBatch(): Promise<void> {
    const { state, metrics, now } = this.#parts
    const batch = this.#cutBatch()
    await state.load(
      new Set(batch.map(({ value }) => value.did)),
      new Set(batch.map(({ value }) => value.host)),
    )
    const appends = new Appends(this.#parts.log.bounds().next)
    for (const { value } of batch) {
      const account = state.account(value.did)
      const decision = state.isInBannedDomain(value.host)
        ? drop('host-banned')
        : decide(account, state.host(value.host), value, now())
      if (decision.kind !== 'drop') appends.add(decision, state)
      const refused = decision.kind === 'drop' ? decision : decision.refused
      if (refused !== undefined) this.#noteRefused(account, value, refused)
      const known = state.account(value.did)
      if (known === undefined || decision.kind === 'drop') continue
      appends.addHeld(known, state, now())
      const throttled = this.#conduct.note(known, decision, value, now())
      if (decision.facts.local === HOST_THROTTLE) metrics.throttles.inc({ cause: 'limit' })
      if (throttled === null) continue
      metrics.throttles.inc({ cause: 'conduct' })
      appends.add(throttled, state)
    }
    for (const entry of batch) this.#inputs.takeVerified(entry)
    crashPoint('before-append')
    await this.#append(appends)
    crashPoint('after-append')
    const doneMs = now()
    this.#newestMs = batch.at(-1)?.value.receivedMs
    for (const entry of batch) {
      metrics.endToEndSeconds.observe((doneMs - entry.value.receivedMs) / 1_000)
      this.#parts.verified.done(entry)
    }
  }

  #noteRefused(account: Account | undefined, envelope: VerifiedEnvelope, { reason, ask }: Drop): void {
    const { host, did, hostSeq: seq } = envelope
    this.#parts.metrics.refused.inc({ reason })
    this.#parts.refusals.note({ host, did, seq, reason, detail: '' })
    if (ask && account !== undefined)
      this.#parts.ask({ did: account.did, host: account.host, version: account.version })
    this.#parts.logger.debug({ host, did, seq, reason }, 'event refused')
  }

  #cutBatch(): BusEntry<VerifiedEnvelope>[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && count < BATCH && bytes < BATCH_BYTES) {
      bytes += (this.#waiting[count] as BusEntry<VerifiedEnvelope>).value.frame.length
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #append(appends: Appends): Promise<void> {
    const { log, metrics, logger, now } = this.#parts
    this.#movedMs ??= now()
    if (appends.entries.length === 0) return
    for (;;) {
      const end = metrics.appendSeconds.startTimer()
      try {
        const pack: Pack = await inSpan('append', { entries: appends.entries.length }, () =>
          log.append(appends.entries, this.#inputs.encode()),
        )
        this.#movedMs = undefined
        end()
        if (pack.firstSeq !== appends.firstSeq)
          throw new Error(`expected seq ${appends.firstSeq}, got ${pack.firstSeq}`)
        this.#position = pack.lastSeq
        this.#pulse.log = now()
        metrics.bytes.inc(pack.bytes.length)
        metrics.head.set(pack.lastSeq)
        for (const [key, count] of appends.outcomes) {
          const [type = '', outcome = ''] = key.split(' ')
          metrics.events.inc({ type, outcome }, count)
        }
        return
      } catch (error) {
        if (!(error instanceof LogFullError)) throw error
        // Nothing is lost: hosts are read no further while this waits, for their events are not done.
        metrics.logFull.inc()
        logger.error(
          { err: error },
          'no space left for the log: waiting for space, hosts are read no further',
        )
        await wait(FULL_RETRY_MS)
      }
    }
  }

  async #housekeeping(): Promise<void> {
    const { view, state, metrics, log, now } = this.#parts
    if (view.mustWait(now())) await view.settled()
    if (view.due(this.#position, now())) {
      // Not awaited: settled() and due() report its failure.
      view.flush(this.#position, now()).catch(() => undefined)
    }
    if (view.position !== this.#viewSeen) this.#pulse.view = now()
    this.#viewSeen = view.position
    metrics.viewPosition.set(view.position)
    metrics.waiting.set(this.#waiting.length)
    metrics.dirtyAccounts.set(state.dirtyAccounts)
    metrics.viewLag.set(Math.max(0, this.#position - view.position))
    metrics.cachedAccounts.set(state.cachedAccounts)
    metrics.accountLoads.inc({ result: 'hit' }, state.loads.hits)
    metrics.accountLoads.inc({ result: 'miss' }, state.loads.misses)
    state.loads.hits = 0
    state.loads.misses = 0
    if (log.keepsPositions && this.#movedMs !== undefined && now() - this.#movedMs >= POSITIONS_EVERY_MS) {
      await log.append([], this.#inputs.encode())
      this.#movedMs = undefined
    }
    if (now() - this.#trimmedMs >= TRIM_EVERY_MS) {
      this.#trimmedMs = now()
      await log.trim(view.position)
    }
  }
}

/** Entries of one append in the making: facts are applied as they are added, so that the next event sees them. */
class Appends {
  readonly entries: LogEntry[] = []
  readonly firstSeq: number
  readonly outcomes = new Map<string, number>()

  constructor(firstSeq: number) {
    this.firstSeq = firstSeq
  }

  /** S2: what an account that has just become active again was not let say. */
  addHeld(account: Account, state: State, nowMs: number): void {
    if (!account.held || !isActive(account)) return
    const sync = syncOfHeld(account, nowMs)
    if (sync !== null) this.add(sync, state)
  }

  add(append: Append, state: State): void {
    const { kind, facts, frame, seqAt, outcome } = append
    state.apply(facts, this.firstSeq + this.entries.length)
    this.entries.push({
      kind,
      didHash: facts.did === '' ? 0 : hashDid(facts.did),
      facts: encodeFacts(facts),
      frame,
      seqAt,
    })
    const key = `${kind} ${outcome}`
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1)
    if (append.next !== undefined) this.add(append.next, state)
  }
}
