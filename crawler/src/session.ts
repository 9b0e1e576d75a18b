import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import type { Descriptors } from '@bgs/runtime/service/descriptors.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import { beginSpan } from '@bgs/runtime/service/spans.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import type { CursorTracker } from './cursor-tracker.ts'
import { FrameIntake, type IntakeParts } from './frame-intake.ts'
import { type HostReport, newReport, noteEnded, noteOpened } from './host-report.ts'
import type { Names } from './opening.ts'
import { UNFINISHED_MS, type Unfinished } from './unfinished.ts'

/** Between two looks whether there are descriptors again. */
const DESCRIPTORS_RETRY_MS = 2_000
const NO_DESCRIPTORS =
  'too few file descriptors are left: the host is not crawled; raise the limit (ulimit -n)'

export interface SessionParts extends IntakeParts {
  readonly descriptors: Descriptors
  /** Looks the host's name up. */
  readonly names: Names
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
  readonly #parts: SessionParts
  readonly #intake: FrameIntake
  readonly #crawlNow = new Notify()

  constructor(host: HostRow, parts: SessionParts) {
    this.hostname = host.hostname
    this.fence = Number(host.fence)
    this.restarts = Number(host.restarts)
    this.#parts = parts
    this.report = newReport(host)
    this.#intake = new FrameIntake(host, this.report, parts)
  }

  get epoch(): number {
    return this.#intake.epoch
  }

  /** What is on its way over the present connection, or was over the last. */
  get tracker(): CursorTracker {
    return this.#intake.tracker
  }

  /** Takes in what an operator has changed of its host. */
  change(host: HostRow): void {
    this.#intake.change(host)
  }

  /** Ends a pause between attempts; after FutureCursor the host's word is taken that it began anew (Q12). */
  crawlNow(): void {
    if (this.report.connected) return
    this.#intake.sequence.noteAsked()
    this.#crawlNow.notify()
  }

  /** What only the strict scan of a verifier found (W4, A5). */
  noteBroken(frame: Omit<BrokenFrame, 'host'>): void {
    this.#intake.noteBroken(frame)
  }

  /** What it has begun to send and not finished. */
  get unfinished(): Unfinished {
    return { host: this.hostname, ...(this.#intake.connection?.unfinished ?? { bytes: 0, ageMs: 0 }) }
  }

  /**
   * Closes the connection over a message that is not finished. One that took too long, and again over the next connection,
   * is what the host has at that place: it is stepped over (G1).
   */
  closeUnfinished(): void {
    if (this.unfinished.ageMs > UNFINISHED_MS) this.#intake.sequence.noteSpoilt()
    this.#intake.reject('frame-unfinished', -1, '')
    this.#intake.connection?.abort({ cause: 'dead', detail: 'a message was begun and not finished' })
  }

  /** Charges what its frames have cost: it is read more slowly (G2, G6). */
  charge(cost: { refused: number; slowMs: number }): void {
    this.#intake.charge(cost)
  }

  /** Crawls until `signal` is aborted. */
  async run(signal: AbortSignal, firstPauseMs: number): Promise<void> {
    await this.#crawlNow.wait(firstPauseMs, signal)
    let wasEarly = true
    while (!signal.aborted) {
      if (this.#intake.sequence.isNew) await this.#beginNewSequence()
      await this.#untilDescriptors(signal)
      if (signal.aborted) return
      const end = await this.#connect(signal)
      if (signal.aborted) return
      if (end.cause === 'relay') {
        this.report.status = 'banned'
        return this.#parts.banAsRelay(this.hostname)
      }
      wasEarly = await this.#crawlNow.wait(this.#pauseAfter(end, wasEarly), signal)
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
    const cursor = this.#intake.begin()
    const span = beginSpan('connect host', { host: this.hostname })
    let connection: Connection
    try {
      const { allowPrivate, names } = this.#parts
      connection = new Connection(this.hostname, cursor, allowPrivate, this.#intake.isRelay, names, {
        onOpen: () => {
          span?.end()
          noteOpened(this.report)
          this.wasReached = true
          metrics.connects.inc({ result: 'opened' })
          logger.info({ host: this.hostname, cursor }, 'subscribed to a host')
          this.#intake.opened()
        },
        onFrame: (frame) => this.#intake.takeFrame(frame),
        onText: (text) => {
          if (this.#intake.takeText(text))
            connection.close({ cause: 'closed', detail: 'a text message' }, 1003)
        },
      })
    } catch (error) {
      metrics.connects.inc({ result: 'refused' })
      metrics.handshakeFailures.inc({ failure: 'forbidden' })
      span?.end(errorText(error))
      return { cause: 'refused', detail: errorText(error) }
    }
    this.#intake.connection = connection
    const stop = () => connection.close({ cause: 'stopped', detail: 'the relay stops' }, 1001)
    signal.addEventListener('abort', stop)
    const end = await connection.ended
    // Where it was opened the span has ended long ago.
    span?.end(end.detail)
    signal.removeEventListener('abort', stop)
    this.#intake.connection = undefined
    this.report.connected = false
    this.hasEnded = true
    if (end.failure === 'http' || end.failure === 'tls') this.wasReached = true
    metrics.connects.inc({ result: end.cause })
    if (end.failure !== undefined) metrics.handshakeFailures.inc({ failure: end.failure })
    this.#intake.ended(end)
    return end
  }

  #pauseAfter(end: ConnectionEnd, wasEarly: boolean): number {
    const { report } = this
    const { hasProgress, sequence } = this.#intake
    const pauseMs = noteEnded(report, end, { hasProgress, wasEarly }, sequence, this.#parts.now())
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

  async #beginNewSequence(): Promise<void> {
    const epoch = await this.#parts.raiseEpoch(this.hostname, this.epoch, this.fence)
    this.#intake.beginEpoch(epoch)
    this.#parts.metrics.epochs.inc()
    this.#parts.logger.warn(
      { host: this.hostname, epoch },
      'the host started its sequence anew: reading it from its beginning',
    )
  }
}
