import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import { partitionOf } from '@bgs/contract/bus/partition.ts'
import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import { type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import type { HostRow, HostStatus } from '@bgs/database/hosts/host-rows.ts'
import { eventsOf, quotaLimits, uselessFramesOf } from '@bgs/database/hosts/quota-limits.ts'
import type { RefusalBook } from '@bgs/database/hosts/refusal-book.ts'
import { MAX_FRAME_BYTES } from '@bgs/protocol/frame/head.ts'
import { breaksStream } from '@bgs/protocol/reasons/breaks-stream.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { Bell } from '@bgs/runtime/service/bell.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import type { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { beginSpan } from '@bgs/runtime/service/spans.ts'
import { afterStandingMs, backoffMs, OFFLINE_AFTER } from './backoff.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import { CursorTracker, type InFlight } from './cursor-tracker.ts'
import { type Look, lookAt } from './door.ts'
import { Flow } from './flow.ts'
import type { CrawlerMetrics } from './metrics.ts'
import type { Names } from './opening.ts'
import { Poison } from './poison.ts'
import { Quota } from './quota.ts'
import { HostSequence, type Step } from './sequence.ts'
import type { Unfinished } from './unfinished.ts'

/** Bytes of one host that are on their way at most; beyond it is read no further (protocol.md H10). */
const IN_FLIGHT_BYTES = 2 * 1024 * 1024
const IN_FLIGHT_FRAMES = 50_000
/** After the host said that our cursor lies in its future it is asked again after this pause (Q12). */
const FUTURE_RETRY_MS = 30_000
/** Between two looks whether there are descriptors again. */
const DESCRIPTORS_RETRY_MS = 2_000
const NO_DESCRIPTORS =
  'too few file descriptors are left: the host is not crawled; raise the limit (ulimit -n)'
/** Characters of an #info's name that are worth telling. */
const MAX_NAME = 64
/** A host that has to wait so long for its quota is shown as throttled. */
const SHOWN_AS_THROTTLED_MS = 1_000

/** What a session tells of its host, to be kept in the database. */
export interface HostReport {
  status: HostStatus
  connected: boolean
  failures: number
  retryAtMs: number
  lastEventMs: number
  lastSeq: number | null
  lastError: string | null
}

export interface SessionParts {
  readonly raw: BusProducer<RawEnvelope, InFlight>
  readonly partitions: number
  /** A promise while no host may be read (no disk space); undefined otherwise. */
  readonly gate: () => Promise<void> | undefined
  readonly descriptors: Descriptors
  readonly metrics: CrawlerMetrics
  readonly logger: Logger
  /** Looks the host's name up. */
  readonly names: Names
  readonly allowPrivate: boolean
  /** RELAY_NEW_HOST_CURSOR. */
  readonly startLive: boolean
  readonly refusals: RefusalBook
  readonly now: () => number
  /** Makes the host's next epoch durable; resolves to it. */
  readonly raiseEpoch: (hostname: string, from: number, fence: number) => Promise<number>
  /** The host turned out to be a relay (H5). */
  readonly banAsRelay: (hostname: string) => void
}

/**
 * One host, for as long as this process crawls it: connects, reads at the pace of what is downstream, reconnects with
 * jittered backoff without end, steps over poison, notices a new sequence (protocol.md section 6, Q9–Q13).
 */
export class HostSession {
  readonly hostname: string
  /** How often an operator has had it begun anew. */
  readonly restarts: number
  /** Of the lease under which this process crawls it. */
  readonly fence: number
  readonly report: HostReport
  /** Whether it was tried at all; and whether it was reached since that was last asked: it, or what stands before it. */
  hasEnded = false
  wasReached = false
  epoch: number
  tracker: CursorTracker
  readonly #parts: SessionParts
  readonly #poison = new Poison()
  readonly #sequence: HostSequence
  readonly #flow: Flow
  readonly #crawlNow = new Bell()
  readonly #quota: Quota
  #isLenient: boolean
  readonly #isRelay: boolean
  #connection: Connection | undefined
  /** Cursor behind which the connection began. */
  #behind = 0
  #progress = false
  /** The host has said something by #info on this connection. */
  #hasInformed = false

  constructor(host: HostRow, parts: SessionParts) {
    this.hostname = host.hostname
    this.fence = Number(host.fence)
    this.epoch = Number(host.epoch)
    this.restarts = Number(host.restarts)
    this.#parts = parts
    this.#quota = new Quota(quotaLimits(host, parts.allowPrivate), monotonicMs)
    this.#isLenient = Number(host.lenient) === 1
    this.#isRelay = Number(host.upstream) === 1
    this.#sequence = new HostSequence(parts.now, Number(host.last_event_ms))
    this.#flow = new Flow({
      gate: parts.gate,
      room: () => parts.raw.room(),
      isFull: (share) => this.#isFull(share),
      pause: (cause) => {
        parts.metrics.pauses.inc({ cause })
        this.#connection?.pause()
      },
      resume: () => this.#connection?.resume(),
    })
    // A host first met: all it retains, or live (Q10, RELAY_NEW_HOST_CURSOR).
    const cursor = host.cursor === null ? null : Number(host.cursor)
    const startLive = parts.startLive || Number(host.start_live) === 1
    this.tracker = this.#newTracker(cursor ?? (startLive ? null : 0))
    this.report = {
      status: 'active',
      connected: false,
      failures: Number(host.failures),
      retryAtMs: 0,
      lastEventMs: Number(host.last_event_ms),
      lastSeq: host.last_seq === null ? cursor : Number(host.last_seq),
      lastError: null,
    }
  }

  /** Takes in what an operator has changed of its host. */
  change(host: HostRow): void {
    this.#quota.change(quotaLimits(host, this.#parts.allowPrivate))
    this.#isLenient = Number(host.lenient) === 1
    const waitMs = this.#quota.waitMs()
    this.#flow.changePause(waitMs)
    if (this.report.status === 'throttled' && waitMs < SHOWN_AS_THROTTLED_MS) this.report.status = 'active'
  }

  /** Ends a pause between attempts; after FutureCursor the host's word is taken that it began anew (Q12). */
  crawlNow(): void {
    if (this.report.connected) return
    this.#sequence.noteAsked()
    this.#crawlNow.ring()
  }

  /**
   * What only the strict scan found (W4, A5): closes the connection, unless the host is lenient, if the frame came over
   * this one; and steps over it when it comes again.
   */
  noteBroken({ epoch, seq, reason }: Omit<BrokenFrame, 'host'>): void {
    if (this.#isLenient || epoch !== this.epoch || seq <= this.#behind || this.#sequence.isBroken(seq)) return
    this.#sequence.noteBroken(seq)
    this.#connection?.close({ cause: 'closed', detail: `bad frame: ${reason}` }, 1008)
  }

  /** What it has begun to send and not finished. */
  get unfinished(): Unfinished {
    return { host: this.hostname, ...(this.#connection?.unfinished ?? { bytes: 0, ageMs: 0 }) }
  }

  /** Closes the connection over a message that is not finished. */
  closeUnfinished(): void {
    this.#refuse('frame-unfinished', -1, '')
    this.#connection?.abort({ cause: 'dead', detail: 'a message was begun and not finished' })
  }

  /** Charges what its frames have cost: it is read more slowly (G2, G6). */
  charge({ refused, slowMs }: { refused: number; slowMs: number }): void {
    this.#waitFor(this.#quota.charge(refused, slowMs))
  }

  /** Crawls until `signal` is aborted. */
  async run(signal: AbortSignal, firstPauseMs: number): Promise<void> {
    await this.#crawlNow.wait(firstPauseMs, signal)
    while (!signal.aborted) {
      if (this.#sequence.isNew) await this.#beginNewSequence()
      await this.#untilDescriptors(signal)
      if (signal.aborted) return
      const end = await this.#connect(signal)
      if (signal.aborted) return
      if (end.cause === 'relay') {
        this.report.status = 'banned'
        return this.#parts.banAsRelay(this.hostname)
      }
      await this.#crawlNow.wait(this.#pauseAfter(end), signal)
    }
  }

  /** Waits while so few descriptors are left that the log needs them: no fault of the host. */
  async #untilDescriptors(signal: AbortSignal): Promise<void> {
    const { descriptors, logger, metrics } = this.#parts
    while (!signal.aborted && descriptors.isShort('host')) {
      this.report.lastError = NO_DESCRIPTORS
      metrics.connects.inc({ result: 'no-descriptors' })
      logger.error({ host: this.hostname }, NO_DESCRIPTORS)
      await this.#crawlNow.wait(DESCRIPTORS_RETRY_MS * (0.5 + Math.random()), signal)
    }
  }

  async #connect(signal: AbortSignal): Promise<ConnectionEnd> {
    const { metrics, logger } = this.#parts
    this.#progress = false
    this.#hasInformed = false
    const { lowWater } = this.tracker
    const cursor = this.#sequence.begin(lowWater)
    // What is still on its way of an earlier connection will come again, and be dropped as taken once.
    this.tracker = this.#newTracker(lowWater)
    this.#behind = lowWater ?? 0
    const span = beginSpan('connect host', { host: this.hostname })
    let connection: Connection
    try {
      const { allowPrivate, names } = this.#parts
      connection = new Connection(this.hostname, cursor, allowPrivate, this.#isRelay, names, {
        onOpen: () => {
          span?.end()
          this.report.connected = true
          this.wasReached = true
          this.report.lastError = null
          metrics.connects.inc({ result: 'opened' })
          logger.info({ host: this.hostname, cursor }, 'subscribed to a host')
          this.#flow.begin()
        },
        onFrame: (frame) => this.#onFrame(frame),
        onText: (text) => {
          this.#refuse('frame-text', -1, '', text)
          // W8; met again, it is stepped over.
          if (!this.#poison.isKnown(text))
            connection.close({ cause: 'closed', detail: 'a text message' }, 1003)
        },
      })
    } catch (error) {
      metrics.connects.inc({ result: 'refused' })
      metrics.handshakeFailures.inc({ failure: 'forbidden' })
      span?.end(errorText(error))
      return { cause: 'refused', detail: errorText(error) }
    }
    this.#connection = connection
    const stop = () => connection.close({ cause: 'stopped', detail: 'the relay stops' }, 1001)
    signal.addEventListener('abort', stop)
    const end = await connection.ended
    // Where it was opened the span has ended long ago.
    span?.end(end.detail)
    signal.removeEventListener('abort', stop)
    this.#connection = undefined
    this.report.connected = false
    this.hasEnded = true
    if (end.failure === 'http' || end.failure === 'tls') this.wasReached = true
    metrics.connects.inc({ result: end.cause })
    if (end.failure !== undefined) metrics.handshakeFailures.inc({ failure: end.failure })
    if (end.cause === 'too-large') {
      this.#refuse('frame-too-large', -1, '')
      this.charge({ refused: uselessFramesOf(MAX_FRAME_BYTES), slowMs: 0 })
      this.#sequence.noteUnreadable()
    }
    if (end.cause === 'broken') {
      this.#refuse('message-malformed', -1, '')
      this.charge({ refused: 1, slowMs: 0 })
      this.#sequence.noteSpoilt()
    }
    return end
  }

  #pauseAfter(end: ConnectionEnd): number {
    const { report } = this
    const nowMs = this.#parts.now()
    const standingMs = afterStandingMs(end.stoodMs)
    report.failures = this.#progress || standingMs !== undefined ? 0 : report.failures + 1
    report.lastError = end.detail
    let pauseMs = this.#progress ? backoffMs(0) : (standingMs ?? backoffMs(report.failures))
    if (this.#sequence.isNew) pauseMs = 0
    else if (this.#sequence.isAhead) {
      report.status = 'idle'
      pauseMs = Math.max(pauseMs, FUTURE_RETRY_MS)
    } else report.status = report.failures >= OFFLINE_AFTER ? 'offline' : 'active'
    report.retryAtMs = nowMs + pauseMs
    this.#parts.logger.info(
      {
        host: this.hostname,
        cause: end.cause,
        detail: end.detail,
        failures: report.failures,
        retryMs: pauseMs,
      },
      'subscription to a host ended',
    )
    return pauseMs
  }

  #onFrame(frame: Buffer): void {
    const { metrics, allowPrivate } = this.#parts
    metrics.bytes.inc(frame.length)
    const look = lookAt(frame, allowPrivate)
    metrics.frames.inc({ type: look.kind === 'event' ? look.type : look.kind })
    if (look.kind === 'event') this.#onEvent(frame, look.type, look.did, look.seq)
    else this.#onOther(frame, look)
    // Whatever it was, it was read, and is charged to its host.
    const isCommit = look.kind === 'event' && look.type === '#commit'
    this.#waitFor(this.#quota.take(isCommit, eventsOf(frame.length)))
    this.#flow.check()
  }

  /** What goes no further: it brings nothing, and is charged so. */
  #onOther(frame: Buffer, look: Exclude<Look, { kind: 'event' }>): void {
    this.#waitFor(this.#quota.charge(uselessFramesOf(frame.length), 0))
    switch (look.kind) {
      case 'refused':
        return this.#onRefused(frame, look.reason, look.did, look.seq)
      case 'unknown':
        this.#refuse('frame-type-unknown', look.seq, look.did, frame)
        return this.#stepOver(look.seq, frame)
      case 'info':
        return this.#onInfo(look.name)
      case 'error':
        return this.#onError(frame, look.name, look.message)
    }
  }

  #onEvent(frame: Buffer, type: EventType, did: string, seq: number): void {
    const step = this.#sequence.take(seq, frame)
    if (step !== 'rises') return this.#onNotRising(step, seq, did)
    if (this.#sequence.isBroken(seq)) return this.tracker.pass(seq)
    this.#noteProgress(seq)
    const envelope: RawEnvelope = {
      type,
      did,
      host: this.hostname,
      epoch: this.epoch,
      seq,
      receivedMs: this.#parts.now(),
      lenient: this.#isLenient,
      relayed: this.#isRelay,
      frame,
    }
    const bytes = rawBytes(envelope)
    const token = this.tracker.begin(seq, bytes)
    crashPoint('after-receive')
    this.#parts.raw.publish(partitionOf(did, this.#parts.partitions), envelope, bytes, token)
  }

  /** Q13: a gap in the host's stream, or what else it has to say: told once for each connection. */
  #onInfo(name: string): void {
    if (this.#hasInformed) return
    this.#hasInformed = true
    this.#parts.logger.warn(
      { host: this.hostname, name: name.slice(0, MAX_NAME) },
      'a host reports a gap in its stream (#info)',
    )
  }

  #waitFor(quotaMs: number): void {
    if (quotaMs > 0) this.#flow.pauseFor(quotaMs)
    if (quotaMs >= SHOWN_AS_THROTTLED_MS) this.report.status = 'throttled'
  }

  #onNotRising(step: Step, seq: number, did: string): void {
    if (step === 'behind') return this.#refuse('already-taken', seq, did)
    this.#refuse('seq-not-rising', seq, did)
    if (step === 'anew')
      this.#connection?.close({ cause: 'closed', detail: `seq ${seq} came behind a higher cursor` })
    if (step === 'stuck') this.#connection?.close({ cause: 'closed', detail: 'seq does not rise' }, 1008)
  }

  /** What is not sent on its way, but done with. */
  #stepOver(seq: number, frame: Buffer): void {
    if (seq >= 0 && this.#sequence.take(seq, frame) === 'rises') this.tracker.pass(seq)
  }

  #noteProgress(seq: number): void {
    const { report } = this
    report.lastEventMs = this.#parts.now()
    report.lastSeq = seq
    report.status = 'active'
    this.#progress = true
    this.#sequence.noteProgress(report.lastEventMs)
  }

  /** G1, W4, A4: drop; where the stream itself is broken close, and step over it: met again it closes nothing. */
  #onRefused(frame: Buffer, reason: Reason, did: string, seq: number): void {
    this.#refuse(reason, seq, did, frame)
    this.#stepOver(seq, frame)
    if (!breaksStream(reason) || this.#poison.isKnown(frame)) return
    this.#connection?.close({ cause: 'closed', detail: `bad frame: ${reason}` }, 1008)
  }

  /** N1: close. A host that ends nothing by it and sends the same one each time is read on. */
  #onError(frame: Buffer, name: string, message: string): void {
    const again = this.#poison.isKnown(frame)
    if (name === 'FutureCursor') {
      this.#sequence.noteFutureCursor()
      this.#parts.logger.warn(
        { host: this.hostname, cursor: this.tracker.lowWater },
        'the host says that our cursor is above its newest seq (FutureCursor)',
      )
    } else if (again && this.report.failures > 0) return
    this.#sequence.noteError()
    this.#connection?.close({
      cause: 'closed',
      detail: `error frame ${name} ${message}`.trim().slice(0, 200),
    })
  }

  #refuse(reason: Reason, seq: number, did: string, frame?: Buffer): void {
    this.#parts.metrics.refused.inc({ reason })
    const refused = { host: this.hostname, did, seq, reason, detail: '' }
    this.#parts.refusals.note(frame === undefined ? refused : { ...refused, frame })
    this.#parts.logger.debug({ host: this.hostname, did, seq, reason }, 'frame refused at the door')
  }

  async #beginNewSequence(): Promise<void> {
    this.epoch = await this.#parts.raiseEpoch(this.hostname, this.epoch, this.fence)
    this.#sequence.noteEpoch()
    this.#parts.metrics.epochs.inc()
    this.#parts.logger.warn(
      { host: this.hostname, epoch: this.epoch },
      'the host started its sequence anew: reading it from its beginning',
    )
    this.tracker = this.#newTracker(0)
  }

  #isFull(share: number): boolean {
    return this.tracker.bytes > IN_FLIGHT_BYTES * share || this.tracker.count > IN_FLIGHT_FRAMES * share
  }

  #newTracker(cursor: number | null): CursorTracker {
    return new CursorTracker(cursor, () => this.#flow.noteDone())
  }
}
