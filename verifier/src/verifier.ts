/**
 * The verifier: takes frames from `raw`, verifies each by its own bytes and its account's DID document, and publishes what
 * passes to the same partition of `verified`. What fails gets a reason, is counted, and is done.
 *
 * A #commit or #sync whose identity is in memory and names its host joins a batch, which a thread verifies (verify/). Any
 * other frame opens a queue for its DID (did-queues.ts), where frames go one by one behind a look-up (settle-identity.ts).
 *
 * Why the frames of one DID stay in order (invariant 3):
 * 1. Frame A goes with batch 4. Frame B of the same DID needs a look-up, and opens a queue behind batch 4.
 * 2. Batch 5 is judged before batch 4. It waits: batches are finished in the order in which they were handed over.
 * 3. Batch 4 is finished. The queue is there, so A goes into it, in front of B, and is judged again there.
 * 4. The queue works A off, then B. What comes of this DID meanwhile goes into the queue, too.
 * 5. The queue is empty and closes. The next frame of this DID goes with a batch again.
 */

import { setImmediate } from 'node:timers/promises'
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
import { Notify } from '@bgs/runtime/service/notify.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { untilAborted, wait } from '@bgs/runtime/service/wait.ts'
import { Charges, type HostCharge } from './charges.ts'
import { ClockDoubt } from './clock-doubt.ts'
import type { DidQueue, QueuedFrame } from './did-queue.ts'
import { DidQueues, PARKED_MS } from './did-queues.ts'
import { LAG_PAUSES_MS } from './directory-lag.ts'
import { documentOf, type Identity } from './identity/document.ts'
import { RefreshBudget } from './identity/refresh-budget.ts'
import type { VerifierMetrics } from './metrics.ts'
import { type IdentitySource, type IdentityWork, isOfDirectory } from './parked-look-up.ts'
import { refreshForSignature, type Settled, settleIdentity } from './settle-identity.ts'
import type { VerifyPool } from './verify/pool.ts'
import { type PassedFrame, readVerdict, slowMsOf, type VerifyReply } from './verify/reply.ts'
import type { VerifyItem } from './verify/request.ts'

/** Frames judged in one hand-over at most, by number and bytes. */
const BATCH = 64
const BATCH_BYTES = 512 * 1024
/** Frames taken from the bus at once. */
const POLL = 256
/** What is rejected by a clock that is to be doubted is judged again so often. */
const DOUBT_RETRY_MS = 1_000

/** By whose document a heartbeat is judged. */
const NOBODY: Identity = { did: '', keyType: '', keyMultibase: '', pdsHost: '', handle: '', digest: '' }

type Raw = BusEntry<RawEnvelope>

interface Batch {
  readonly number: number
  readonly raws: readonly Raw[]
  readonly items: readonly VerifyItem[]
  reply: VerifyReply | undefined
}

export interface VerifierParts {
  readonly raw: BusConsumer<RawEnvelope>
  readonly verified: BusProducer<VerifiedEnvelope, Raw>
  readonly identities: IdentitySource & {
    readonly circuitOpen: boolean
    readonly cache: { readonly size: number }
  }
  readonly pool: VerifyPool
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

/** Each DID strictly in order, different DIDs in parallel. */
export class Verifier {
  readonly #parts: VerifierParts
  readonly #queues = new DidQueues()
  readonly #budget: RefreshBudget
  readonly #charges: Charges
  readonly #clock = new ClockDoubt()
  #isClockDoubted = false
  readonly #notify = new Notify()
  /** Batches handed to the judges, in order; they are finished in order, too. */
  readonly #batches: Batch[] = []
  #submitted = 0
  #completed = 0
  #waiters: { number: number; resolve: () => void }[] = []
  readonly #lagPausesMs: readonly number[]
  readonly #beganMs: number
  #signal = new AbortController().signal
  #fault: unknown

  /** `lagPausesMs`: how long a directory that is behind is given (`LAG_PAUSES_MS`). */
  constructor(parts: VerifierParts, lagPausesMs: readonly number[] = LAG_PAUSES_MS) {
    this.#parts = parts
    this.#lagPausesMs = lagPausesMs
    this.#beganMs = parts.wallNow()
    this.#budget = new RefreshBudget(monotonicMs)
    this.#charges = new Charges(parts.charge)
  }

  /** Runs until `signal` is aborted; what is in flight then is not published, and comes again after a restart. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const { raw, pool, verified } = this.#parts
    raw.onAvailable(this.#notify.notify)
    while (!signal.aborted) {
      if (this.#fault !== undefined) throw this.#fault
      const room = verified.room()
      if (room !== undefined) await untilAborted(room, signal)
      // Once it is asked to end nothing more may be published: an older frame of the same DID may be given up.
      if (signal.aborted) break
      const entries = pool.hasRoom ? raw.poll(POLL) : []
      if (entries.length > 0) {
        this.#dispatch(entries)
        // What is verified in this thread leaves it to others now and then.
        await setImmediate()
      } else await this.#notify.wait(1_000, signal)
      this.#charges.flush()
      this.#updateMetrics()
    }
    this.#queues.end()
  }

  #dispatch(entries: readonly Raw[]): void {
    const { identityHits } = this.#parts.metrics
    const nowMs = monotonicMs()
    let hits = 0
    let raws: Raw[] = []
    let items: VerifyItem[] = []
    let bytes = 0
    const hand = () => {
      if (raws.length > 0) this.#submit(raws, items)
      raws = []
      items = []
      bytes = 0
    }
    for (const entry of entries) {
      const { did, host, type, frame } = entry.value
      if (entry.value.isHeartbeat === true) {
        // Through a judging thread as a frame goes, in its own batch: its verdict says nothing.
        hand()
        this.#submit([entry], [{ envelope: entry.value, identity: NOBODY }])
        continue
      }
      const known =
        (type === '#commit' || type === '#sync') && this.#queues.get(did) === undefined
          ? this.#parts.identities.known(did, nowMs)?.found
          : undefined
      const isPdsHost = typeof known === 'object' && (known.pdsHost === host || entry.value.relayed === true)
      if (known === undefined || typeof known === 'string' || !isPdsHost) {
        // What of this DID is in the batch being filled must be judged before its queue begins.
        hand()
        this.#enqueue(entry)
        continue
      }
      hits++
      raws.push(entry)
      items.push({ envelope: entry.value, identity: known })
      bytes += frame.length
      if (raws.length >= BATCH || bytes >= BATCH_BYTES) hand()
    }
    hand()
    identityHits.inc({ result: 'hit' }, hits)
    identityHits.inc({ result: 'lane' }, entries.length - hits)
  }

  #submit(raws: readonly Raw[], items: readonly VerifyItem[]): void {
    const batch: Batch = { number: ++this.#submitted, raws, items, reply: undefined }
    this.#batches.push(batch)
    this.#verify(items).then(
      (reply) => {
        batch.reply = reply
        this.#finishBatches()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  async #verify(items: readonly VerifyItem[]): Promise<VerifyReply> {
    const { pool, wallNow } = this.#parts
    const reply = await inSpan('judge batch', { frames: items.length }, () => pool.verify(items, wallNow()))
    this.#parts.metrics.verifySeconds.inc(reply.seconds)
    // There is room in the pool again.
    this.#notify.notify()
    return reply
  }

  /** Finishes batches in the order in which they were handed over, whatever thread was first. */
  #finishBatches(): void {
    if (this.#signal.aborted) return
    for (let batch = this.#batches[0]; batch?.reply !== undefined; batch = this.#batches[0]) {
      this.#batches.shift()
      this.#finish(batch, batch.reply)
      this.#completed = batch.number
    }
    this.#waiters = this.#waiters.filter(({ number, resolve }) => {
      if (number > this.#completed) return true
      resolve()
      return false
    })
  }

  #finish(batch: Batch, reply: VerifyReply): void {
    for (const [i, raw] of batch.raws.entries()) {
      if (raw.value.isHeartbeat === true) {
        this.#passHeartbeat(raw)
        continue
      }
      const queue = this.#queues.get(raw.value.did)
      const verdict = readVerdict(reply, i)
      this.#chargeSlow(raw, slowMsOf(reply, i))
      if (verdict.reason === 'rev-future') this.#noteAhead(raw)
      // Behind a frame of this DID that is being looked at again; or the first to be.
      if (queue !== undefined) this.#queues.insert(queue, entryOf(raw, batch.number))
      else if (verdict.reason === 'signature-invalid' || this.#isDoubtful(verdict.reason))
        this.#enqueue(raw, batch.number)
      else if (verdict.reason !== null) this.#reject(raw, verdict.reason, verdict.detail)
      else this.#pass(raw, verdict, (batch.items[i] as VerifyItem).identity, true)
    }
  }

  #enqueue(raw: Raw, after = this.#submitted): void {
    const { did, host } = raw.value
    const known = this.#queues.get(did)
    if (known?.parkedSinceMs !== undefined && this.#queues.isOverBudget(host) && this.#isAtItsHostsCost(did))
      return this.#reject(raw, 'identity-unavailable', 'too much of this host waits for identities')
    const queue = known ?? this.#queues.open(did)
    this.#queues.insert(queue, entryOf(raw, after))
    // Rather than that anything is lost the directory's last word counts, or it is asked at once.
    this.#queues.endPause(queue, host)
    if (known === undefined) this.#work(queue).catch((error: unknown) => this.#fail(error))
    for (const { entry } of this.#queues.giveWay((one) => this.#isAtItsHostsCost(one)))
      this.#reject(entry.raw, 'identity-unavailable', 'too much waits for identities, of this host most')
  }

  /** Whether frames that wait for this identity are rejected at some point: not those that the directory fails. */
  #isAtItsHostsCost(did: string): boolean {
    if (this.#clock.isDoubted) return false
    return !isOfDirectory(did) || !this.#parts.identities.isDirectoryUnwell
  }

  /** Works a queue off, one frame at a time. */
  async #work(queue: DidQueue): Promise<void> {
    while (queue.entries.length > 0 && !this.#signal.aborted) {
      await this.#batchesThrough((queue.entries[0] as QueuedFrame).after)
      // What was first may have given way meanwhile; a batch that has just been finished may have put an older one in front.
      if (queue.entries.length === 0) break
      const { entry, ended } = this.#queues.begin(queue)
      await this.#workOne(queue, entry, ended.signal)
      this.#queues.finish(queue)
    }
    this.#queues.close(queue)
  }

  async #workOne(queue: DidQueue, entry: QueuedFrame, ended: AbortSignal): Promise<void> {
    const { raw, takenMs } = entry
    const work: IdentityWork = {
      identities: this.#parts.identities,
      budget: this.#budget,
      now: monotonicMs,
      takenMs,
      signal: ended,
      onParked: () => {
        this.#queues.park(queue, entry, monotonicMs())
        return (
          monotonicMs() - (queue.parkedSinceMs as number) > PARKED_MS ||
          this.#queues.isOverBudget(raw.value.host)
        )
      },
      onPause: () => this.#queues.pause(queue, entry),
      lagPausesMs: this.#lagPausesMs,
      beganMs: this.#beganMs,
      wallNow: this.#parts.wallNow,
    }
    let settled: Settled = await settleIdentity(raw.value, work)
    while (!this.#signal.aborted) {
      if ('reason' in settled) return this.#reject(raw, settled.reason, '')
      const reply = await this.#verify([{ envelope: raw.value, identity: settled.identity }])
      const verdict = readVerdict(reply, 0)
      this.#chargeSlow(raw, slowMsOf(reply, 0))
      if (verdict.reason === null) return this.#pass(raw, verdict, settled.identity, settled.authoritative)
      if (verdict.reason === 'rev-future') this.#noteAhead(raw)
      if (this.#isDoubtful(verdict.reason)) {
        await wait(DOUBT_RETRY_MS, ended)
        continue
      }
      const again: Settled | undefined =
        verdict.reason === 'signature-invalid'
          ? await refreshForSignature(raw.value, settled, work)
          : undefined
      if (again === undefined) return this.#reject(raw, verdict.reason, verdict.detail)
      settled = again
    }
  }

  #noteAhead({ value: { host } }: Raw): void {
    const { logger } = this.#parts
    this.#clock.noteAhead(host)
    if (this.#clock.isDoubted === this.#isClockDoubted) return
    this.#isClockDoubted = this.#clock.isDoubted
    if (this.#isClockDoubted)
      logger.error(
        { host },
        'the revs of most hosts lie in the future: is the clock of this machine slow? Their commits wait',
      )
  }

  /** Whether a commit is rejected by a clock that is to be doubted: it waits, and so in the end does who sends them. */
  #isDoubtful(reason: Reason | null): boolean {
    return reason === 'rev-future' && this.#clock.isDoubted
  }

  #batchesThrough(number: number): Promise<void> {
    if (this.#completed >= number) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ number, resolve }))
  }

  #pass(raw: Raw, judged: PassedFrame, { digest, pdsHost }: Identity, authoritative: boolean): void {
    if (this.#signal.aborted) return
    const { type, did, host, epoch, seq, receivedMs } = raw.value
    if (type === '#commit') this.#clock.noteFits(host)
    this.#parts.metrics.frames.inc({ type, outcome: judged.discontinuous ? 'marked' : 'passed' })
    crashPoint('after-verify')
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
      pdsHost: raw.value.relayed === true ? pdsHost : undefined,
      digest,
      frame: judged.frame,
      seqAt: judged.seqAt,
      repo: judged.repo,
      account: judged.account,
      discontinuous: judged.discontinuous,
    }
    this.#parts.verified.publish(raw.partition, envelope, verifiedBytes(envelope), raw)
  }

  #passHeartbeat(raw: Raw): void {
    const { type, did, host, epoch, seq, receivedMs, frame } = raw.value
    const envelope: VerifiedEnvelope = {
      type,
      did,
      rawGeneration: this.#parts.raw.generation,
      rawOffset: raw.position,
      host,
      epoch,
      hostSeq: seq,
      receivedMs,
      authoritative: false,
      digest: '',
      frame,
      seqAt: 0,
      repo: null,
      account: null,
      discontinuous: false,
      isHeartbeat: true,
    }
    this.#parts.verified.publish(raw.partition, envelope, verifiedBytes(envelope), raw)
  }

  #chargeSlow({ value: { host } }: Raw, slowMs: number): void {
    if (slowMs > 0) this.#charges.note(host, 0, slowMs)
  }

  #reject(raw: Raw, reason: Reason, detail: string): void {
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

  /** The document that frames of this DID are judged by now, as JSON. */
  #document(did: string): string | undefined {
    const known = this.#parts.identities.known(did, monotonicMs())?.found
    return known === undefined || typeof known === 'string' ? undefined : documentOf(known)
  }

  #fail(error: unknown): void {
    this.#fault ??= error
    this.#notify.notify()
  }

  #updateMetrics(): void {
    const { metrics, identities, pool } = this.#parts
    metrics.parkedBytes.set(this.#queues.parkedBytes)
    metrics.parkedQueues.set(this.#queues.parkedQueues)
    metrics.cachedIdentities.set(identities.cache.size)
    metrics.directoryDown.set(identities.circuitOpen ? 1 : 0)
    metrics.directoryUnwell.set(identities.isDirectoryUnwell ? 1 : 0)
    metrics.queueBytes.set(this.#queues.bytes)
    this.#clock.look(this.#parts.wallNow())
    this.#isClockDoubted = this.#clock.isDoubted
    metrics.clockDoubted.set(this.#isClockDoubted ? 1 : 0)
    metrics.queues.set(this.#queues.size)
    metrics.queuedBatches.set(pool.queued)
    metrics.openBatches.set(this.#batches.length)
    metrics.refreshCauses.set(this.#budget.causes)
    metrics.refreshesDenied.inc(this.#budget.denied)
    this.#budget.denied = 0
  }
}

/** An entry of a queue: its frame a copy, so that what waits does not hold on to all that was fetched with it. */
function entryOf(raw: Raw, after: number): QueuedFrame {
  raw.value.frame = new Uint8Array(raw.value.frame)
  return { raw, after, takenMs: monotonicMs() }
}
