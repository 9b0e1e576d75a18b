import type { BusConsumer, BusEntry, BusProducer } from '@bgs/contract/bus/bus.ts'
import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { type VerifiedEnvelope, verifiedBytes } from '@bgs/contract/envelope/verified.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { breaksStream } from '@bgs/protocol/reasons/breaks-stream.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { Charges, type HostCharge } from './charges.ts'
import { ClockDoubt } from './clock-doubt.ts'
import { documentOf, type Identity } from './identity/document.ts'
import type { VerifierMetrics } from './metrics.ts'
import type { IdentitySource } from './parked-look-up.ts'
import type { PassedFrame } from './verify/reply.ts'

export type Raw = BusEntry<RawEnvelope>

/** Of a heartbeat, which carries nothing. */
const NOTHING_JUDGED: Omit<PassedFrame, 'frame'> = {
  reason: null,
  seqAt: 0,
  repo: null,
  account: null,
  discontinuous: false,
}

export interface OutcomeParts {
  readonly raw: BusConsumer<RawEnvelope>
  readonly verified: BusProducer<VerifiedEnvelope, Raw>
  readonly identities: Pick<IdentitySource, 'known'>
  readonly metrics: VerifierMetrics
  /** Hears of what is rejected. */
  readonly rejections: RejectionRecorder
  /** Hears of a frame after which its connection cannot be trusted (W4), before that frame is done. Must return at once. */
  readonly onBrokenFrame: (frame: BrokenFrame) => void
  /** Hears of what hosts are to be charged. Must return at once. */
  readonly charge: (charge: HostCharge) => void
  readonly logger: Logger
  /** The wall clock, by which revs are judged (C4). */
  readonly wallNow: () => number
}

/**
 * What becomes of a frame once it was verified: it is published to `verified`, or rejected with a reason, counted, and
 * charged to its host. And whether the clock by which it was judged is to be believed.
 */
export class Outcomes {
  readonly #parts: OutcomeParts
  readonly #charges: Charges
  readonly #clock = new ClockDoubt()
  #isClockDoubted = false
  #isEnded = false

  constructor(parts: OutcomeParts) {
    this.#parts = parts
    this.#charges = new Charges(parts.charge)
  }

  /** From here on nothing is published: an older frame of the same DID may be given up. */
  end(): void {
    this.#isEnded = true
  }

  get isClockDoubted(): boolean {
    return this.#clock.isDoubted
  }

  /** Sends off what hosts are to be charged, and looks at the clock. Call now and then. */
  look(): void {
    this.#charges.flush()
    this.#clock.look(this.#parts.wallNow())
    this.#isClockDoubted = this.#clock.isDoubted
    this.#parts.metrics.clockDoubted.set(this.#isClockDoubted ? 1 : 0)
  }

  /** Publishes a frame that passed; `authoritative`: its identity was looked up for it. */
  pass(raw: Raw, judged: PassedFrame, { digest, pdsHost }: Identity, authoritative: boolean): void {
    if (this.#isEnded) return
    const { type, host } = raw.value
    if (type === '#commit') this.#clock.noteFits(host)
    this.#parts.metrics.frames.inc({ type, outcome: judged.discontinuous ? 'marked' : 'passed' })
    crashPoint('after-verify')
    this.#publish(raw, judged, digest, raw.value.relayed === true ? pdsHost : undefined, authoritative)
  }

  /** Publishes a heartbeat of a crawler as it came. */
  passHeartbeat(raw: Raw): void {
    this.#publish(raw, { ...NOTHING_JUDGED, frame: raw.value.frame }, '', undefined, false)
  }

  /** One literal, and no object beside it, for each frame. */
  #publish(
    raw: Raw,
    { frame, seqAt, repo, account, discontinuous }: PassedFrame,
    digest: string,
    pdsHost: string | undefined,
    authoritative: boolean,
  ): void {
    const { type, did, host, epoch, seq, receivedMs, isHeartbeat } = raw.value
    const envelope: VerifiedEnvelope = {
      type,
      did,
      rawGeneration: this.#parts.raw.generation,
      rawOffset: raw.position,
      host,
      epoch,
      hostSeq: seq,
      receivedMs,
      authoritative,
      pdsHost,
      digest,
      frame,
      seqAt,
      repo,
      account,
      discontinuous,
      isHeartbeat,
    }
    this.#parts.verified.publish(raw.partition, envelope, verifiedBytes(envelope), raw)
  }

  /** Rejects a frame, for good. */
  reject(raw: Raw, reason: Reason, detail: string): void {
    const { type, did, host, epoch, seq } = raw.value
    this.#charges.note(host, 1, 0)
    this.#parts.metrics.frames.inc({ type, outcome: 'refused' })
    this.#parts.metrics.rejected.inc({ reason })
    const { frame } = raw.value
    this.#parts.rejections.note({
      host,
      did,
      seq,
      reason,
      detail,
      frame,
      document: () => this.#document(did),
    })
    if (reason === 'internal-error')
      this.#parts.logger.error(
        { host, did, seq, reason, detail },
        'verifying this frame failed: please report it',
      )
    else this.#parts.logger.debug({ host, did, seq, reason, detail }, 'frame refused')
    if (breaksStream(reason)) this.#parts.onBrokenFrame({ host, epoch, seq, reason })
    this.#parts.raw.done(raw)
  }

  /** Charges what a frame took beyond an ordinary one. */
  chargeSlow({ value: { host } }: Raw, slowMs: number): void {
    if (slowMs > 0) this.#charges.note(host, 0, slowMs)
  }

  /** The rev of a commit lies in the future. */
  noteAhead({ value: { host } }: Raw): void {
    const { logger, wallNow } = this.#parts
    this.#clock.noteAhead(host, wallNow())
    if (this.#clock.isDoubted === this.#isClockDoubted) return
    this.#isClockDoubted = this.#clock.isDoubted
    if (this.#isClockDoubted)
      logger.error(
        { host },
        'the revs of most hosts lie in the future: is the clock of this machine slow? Their commits wait',
      )
  }

  /** Whether a commit is rejected by a clock that is to be doubted: it waits, and so in the end does who sends them. */
  isDoubtful(reason: Reason | null): boolean {
    return reason === 'rev-future' && this.#clock.isDoubted
  }

  /** The document that frames of this DID are judged by now, as JSON. */
  #document(did: string): string | undefined {
    const known = this.#parts.identities.known(did, monotonicMs())?.found
    return known === undefined || typeof known === 'string' ? undefined : documentOf(known)
  }
}
