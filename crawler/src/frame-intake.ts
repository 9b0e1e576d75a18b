import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import { partitionOf } from '@bgs/contract/bus/partition.ts'
import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import { type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { eventsOf, quotaLimits, uselessFramesOf } from '@bgs/database/hosts/quota-limits.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { MAX_FRAME_BYTES } from '@bgs/protocol/frame/head.ts'
import { breaksStream } from '@bgs/protocol/reasons/breaks-stream.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { Connection, ConnectionEnd } from './connection.ts'
import { CursorTracker, type InFlight } from './cursor-tracker.ts'
import { Flow } from './flow.ts'
import { type HostReport, noteEvent, noteUnthrottled, noteWait } from './host-report.ts'
import type { CrawlerMetrics } from './metrics.ts'
import { type PeekedFrame, peekFrame } from './peek.ts'
import { Poison } from './poison.ts'
import { Quota } from './quota.ts'
import { HostSequence, type Step } from './sequence.ts'

/** Bytes of one host that are on their way at most; beyond it is read no further (protocol.md H10). */
const IN_FLIGHT_BYTES = 2 * 1024 * 1024
const IN_FLIGHT_FRAMES = 50_000
/** Characters of an #info's name that are worth telling. */
const MAX_NAME = 64

export interface IntakeParts {
  readonly raw: BusProducer<RawEnvelope, InFlight>
  readonly partitions: number
  /** A promise while no host may be read (no disk space); undefined otherwise. */
  readonly gate: () => Promise<void> | undefined
  readonly metrics: CrawlerMetrics
  readonly logger: Logger
  readonly allowPrivate: boolean
  /** RELAY_NEW_HOST_CURSOR. */
  readonly startLive: boolean
  readonly rejections: RejectionRecorder
  readonly now: () => number
}

/**
 * What becomes of the messages of one host, over all of its connections: 1. a first look (peek.ts); 2. its seq, against
 * those before it (sequence.ts); 3. it is on its way from here on (cursor-tracker.ts), or stepped over; 4. it is published
 * to `raw` as it came; 5. it is charged to its host (quota.ts), which is read no further while it has to wait (flow.ts).
 */
export class FrameIntake {
  epoch: number
  tracker: CursorTracker
  /** The present one. */
  connection: Connection | undefined
  /** An event was sent on its way that came over this connection. */
  hasProgress = false
  readonly sequence: HostSequence
  readonly isRelay: boolean
  readonly #hostname: string
  readonly #parts: IntakeParts
  readonly #report: HostReport
  readonly #poison = new Poison()
  readonly #flow: Flow
  readonly #quota: Quota
  #isLenient: boolean
  /** Cursor behind which the connection began. */
  #behind = 0
  /** The host has said something by #info on this connection. */
  #hasInformed = false

  constructor(host: HostRow, report: HostReport, parts: IntakeParts) {
    this.#hostname = host.hostname
    this.epoch = Number(host.epoch)
    this.#parts = parts
    this.#report = report
    this.#quota = new Quota(quotaLimits(host, parts.allowPrivate), monotonicMs)
    this.#isLenient = Number(host.lenient) === 1
    this.isRelay = Number(host.upstream) === 1
    this.sequence = new HostSequence({ now: parts.now, monotonic: monotonicMs }, Number(host.last_event_ms))
    this.#flow = new Flow({
      gate: parts.gate,
      room: () => parts.raw.room(),
      isFull: (share) => this.#isFull(share),
      pause: (cause) => {
        parts.metrics.pauses.inc({ cause })
        this.connection?.pause()
      },
      resume: () => this.connection?.resume(),
    })
    // A host first met: all it retains, or live (Q10, RELAY_NEW_HOST_CURSOR).
    const cursor = host.cursor === null ? null : Number(host.cursor)
    const startLive = parts.startLive || Number(host.start_live) === 1
    this.tracker = this.#newTracker(cursor ?? (startLive ? null : 0))
  }

  /** Takes in what an operator has changed of its host. */
  change(host: HostRow): void {
    this.#quota.change(quotaLimits(host, this.#parts.allowPrivate))
    this.#isLenient = Number(host.lenient) === 1
    const waitMs = this.#quota.waitMs()
    this.#flow.changePause(waitMs)
    noteUnthrottled(this.#report, waitMs)
  }

  /** A connection is about to be made; returns the cursor to ask for. */
  begin(): number | null {
    this.hasProgress = false
    this.#hasInformed = false
    const { lowWater } = this.tracker
    const cursor = this.sequence.begin(lowWater)
    // What is still on its way of an earlier connection will come again, and be dropped as taken once.
    this.tracker = this.#newTracker(lowWater)
    this.#behind = lowWater ?? 0
    return cursor
  }

  /** The connection was opened. */
  opened(): void {
    this.#flow.begin()
  }

  /** The connection has ended; over a message that nobody can read it is charged like others. */
  ended({ cause }: ConnectionEnd): void {
    if (cause === 'too-large') {
      this.reject('frame-too-large', -1, '')
      this.charge({ refused: uselessFramesOf(MAX_FRAME_BYTES), slowMs: 0 })
      this.sequence.noteUnreadable()
    }
    if (cause === 'broken') {
      this.reject('message-malformed', -1, '')
      this.charge({ refused: 1, slowMs: 0 })
      this.sequence.noteSpoilt()
    }
  }

  /** The host's new sequence is read from its beginning. */
  beginEpoch(epoch: number): void {
    this.epoch = epoch
    this.sequence.noteEpoch()
    this.tracker = this.#newTracker(0)
  }

  /**
   * What only the strict scan found (W4, A5): closes the connection, unless the host is lenient, if the frame came over
   * this one; and steps over it when it comes again.
   */
  noteBroken({ epoch, seq, reason }: Omit<BrokenFrame, 'host'>): void {
    if (this.#isLenient || epoch !== this.epoch || seq <= this.#behind || this.sequence.isBroken(seq)) return
    this.sequence.noteBroken(seq)
    this.connection?.close({ cause: 'closed', detail: `bad frame: ${reason}` }, 1008)
  }

  /** Charges what its frames have cost: it is read more slowly (G2, G6). */
  charge({ refused, slowMs }: { refused: number; slowMs: number }): void {
    this.#waitFor(this.#quota.charge(refused, slowMs))
  }

  /** Rejects a text message, and says whether it ends the connection (W8); met again, it is stepped over. */
  takeText(text: Buffer): boolean {
    this.reject('frame-text', -1, '', text)
    return !this.#poison.isKnown(text)
  }

  /** Takes a binary message. */
  takeFrame(frame: Buffer): void {
    const { metrics, allowPrivate } = this.#parts
    metrics.bytes.inc(frame.length)
    const look = peekFrame(frame, allowPrivate)
    metrics.frames.inc({ type: look.kind === 'event' ? look.type : look.kind })
    if (look.kind === 'event') this.#onEvent(frame, look.type, look.did, look.seq)
    else this.#onOther(frame, look)
    // Whatever it was, it was read, and is charged to its host.
    const isCommit = look.kind === 'event' && look.type === '#commit'
    this.#waitFor(this.#quota.take(isCommit, eventsOf(frame.length)))
    this.#flow.check()
  }

  /** What goes no further: it brings nothing, and is charged so. */
  #onOther(frame: Buffer, look: Exclude<PeekedFrame, { kind: 'event' }>): void {
    this.#waitFor(this.#quota.charge(uselessFramesOf(frame.length), 0))
    switch (look.kind) {
      case 'rejected':
        return this.#onRejected(frame, look.reason, look.did, look.seq)
      case 'unknown':
        this.reject('frame-type-unknown', look.seq, look.did, frame)
        return this.#stepOver(look.seq, frame)
      case 'info':
        return this.#onInfo(look.name)
      case 'error':
        return this.#onError(frame, look.name, look.message)
    }
  }

  #onEvent(frame: Buffer, type: EventType, did: string, seq: number): void {
    const step = this.sequence.take(seq, frame)
    if (step !== 'rises') return this.#onNotRising(step, seq, did)
    if (this.sequence.isBroken(seq)) return this.tracker.pass(seq)
    this.#noteProgress(seq)
    const envelope: RawEnvelope = {
      type,
      did,
      host: this.#hostname,
      epoch: this.epoch,
      seq,
      receivedMs: this.#parts.now(),
      lenient: this.#isLenient,
      relayed: this.isRelay,
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
      { host: this.#hostname, name: name.slice(0, MAX_NAME) },
      'a host reports a gap in its stream (#info)',
    )
  }

  #waitFor(quotaMs: number): void {
    if (quotaMs > 0) this.#flow.pauseFor(quotaMs)
    noteWait(this.#report, quotaMs)
  }

  #onNotRising(step: Step, seq: number, did: string): void {
    if (step === 'behind') return this.reject('already-taken', seq, did)
    this.reject('seq-not-rising', seq, did)
    if (step === 'anew')
      this.connection?.close({ cause: 'closed', detail: `seq ${seq} came behind a higher cursor` })
    if (step === 'stuck') this.connection?.close({ cause: 'closed', detail: 'seq does not rise' }, 1008)
  }

  /** What is not sent on its way, but done with. */
  #stepOver(seq: number, frame: Buffer): void {
    if (seq >= 0 && this.sequence.take(seq, frame) === 'rises') this.tracker.pass(seq)
  }

  #noteProgress(seq: number): void {
    noteEvent(this.#report, seq, this.#parts.now())
    this.hasProgress = true
    this.sequence.noteProgress()
  }

  /** G1, W4, A4: drop; where the stream itself is broken close, and step over it: met again it closes nothing. */
  #onRejected(frame: Buffer, reason: Reason, did: string, seq: number): void {
    this.reject(reason, seq, did, frame)
    this.#stepOver(seq, frame)
    if (!breaksStream(reason) || this.#poison.isKnown(frame)) return
    this.connection?.close({ cause: 'closed', detail: `bad frame: ${reason}` }, 1008)
  }

  /** N1: close. A host that ends nothing by it and sends the same one each time is read on. */
  #onError(frame: Buffer, name: string, message: string): void {
    const again = this.#poison.isKnown(frame)
    if (name === 'FutureCursor') {
      this.sequence.noteFutureCursor()
      this.#parts.logger.warn(
        { host: this.#hostname, cursor: this.tracker.lowWater },
        'the host says that our cursor is above its newest seq (FutureCursor)',
      )
    } else if (again && this.#report.failures > 0) return
    this.sequence.noteError()
    this.connection?.close({
      cause: 'closed',
      detail: `error frame ${name} ${message}`.trim().slice(0, 200),
    })
  }

  /** Counts and keeps what is rejected here. */
  reject(reason: Reason, seq: number, did: string, frame?: Buffer): void {
    this.#parts.metrics.rejected.inc({ reason })
    const rejected = { host: this.#hostname, did, seq, reason, detail: '' }
    this.#parts.rejections.note(frame === undefined ? rejected : { ...rejected, frame })
    this.#parts.logger.debug({ host: this.#hostname, did, seq, reason }, 'frame refused at the first look')
  }

  #isFull(share: number): boolean {
    return this.tracker.bytes > IN_FLIGHT_BYTES * share || this.tracker.count > IN_FLIGHT_FRAMES * share
  }

  #newTracker(cursor: number | null): CursorTracker {
    return new CursorTracker(cursor, () => this.#flow.noteDone())
  }
}
