import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Batches } from './batches.ts'
import type { DidQueue, QueuedFrame } from './did-queue.ts'
import { DidQueues, PARKED_MS } from './did-queues.ts'
import { HostStanding } from './host-standing.ts'
import { RefreshBudget } from './identity/refresh-budget.ts'
import type { VerifierMetrics } from './metrics.ts'
import type { Outcomes, Raw } from './outcomes.ts'
import { type IdentitySource, type IdentityWork, isOfDirectory } from './parked-look-up.ts'
import { refreshForSignature, type Settled, settleIdentity } from './settle-identity.ts'
import { readVerdict, slowMsOf, type VerifyReply } from './verify/reply.ts'
import type { VerifyItem } from './verify/request.ts'

/** What is rejected by a clock that is to be doubted is judged again so often. */
const DOUBT_RETRY_MS = 1_000
/** Between two looks at what has to give way, where too little may. */
const LOOK_AGAIN_MS = 100

export interface QueueWorkParts {
  readonly identities: IdentitySource
  readonly batches: Batches
  readonly outcomes: Outcomes
  readonly verify: (items: readonly VerifyItem[]) => Promise<VerifyReply>
  readonly onFault: (error: unknown) => void
  /** How long a directory that is behind is given (`LAG_PAUSES_MS`). */
  readonly lagPausesMs: readonly number[]
  readonly wallNow: () => number
}

/** Frames that go one by one in the queue of their DID: each behind a look-up of its identity, and judged alone. */
export class QueueWork {
  readonly #parts: QueueWorkParts
  readonly #queues = new DidQueues()
  readonly #budget = new RefreshBudget(monotonicMs)
  readonly #standing = new HostStanding()
  readonly #beganMs: number
  #nextLook: NodeJS.Timeout | undefined
  #isEnded = false

  constructor(parts: QueueWorkParts) {
    this.#parts = parts
    this.#beganMs = parts.wallNow()
  }

  /** The queue of a DID, if frames of it go one by one now. */
  of(did: string): DidQueue | undefined {
    return this.#queues.get(did)
  }

  /** Puts a frame of a batch, which is judged again, into a queue: in front of what was handed over later. */
  insert(queue: DidQueue, raw: Raw, after: number): void {
    this.#queues.insert(queue, entryOf(raw, after))
  }

  /** Gives up what waits: it comes again after a restart. */
  end(): void {
    this.#isEnded = true
    clearTimeout(this.#nextLook)
    this.#queues.end()
  }

  /** Puts a frame into the queue of its DID, behind the batches up to `after`, and works it off. */
  enqueue(raw: Raw, after = this.#parts.batches.submitted): void {
    const { outcomes } = this.#parts
    const { did, host } = raw.value
    const known = this.#queues.get(did)
    if (known?.parkedSinceMs !== undefined && this.#queues.isOverBudget(host) && this.#isAtItsHostsCost(did))
      return outcomes.reject(raw, 'identity-unavailable', 'too much of this host waits for identities')
    const queue = known ?? this.#queues.open(did)
    this.#queues.insert(queue, entryOf(raw, after))
    // Rather than that anything is lost the directory's last word counts, or it is asked at once.
    this.#queues.endPause(queue, host)
    if (known === undefined) this.#work(queue).catch((error: unknown) => this.#parts.onFault(error))
    this.#giveWay()
  }

  /**
   * Rejects what has to give way. A look goes through all that waits: where too little may give way, the next one is made a
   * while later, whether or not another frame comes.
   */
  #giveWay(): void {
    if (this.#nextLook !== undefined || this.#isEnded) return
    for (const { entry } of this.#queues.giveWay((queue, host) => this.#mayGiveWay(queue, host)))
      this.#parts.outcomes.reject(
        entry.raw,
        'identity-unavailable',
        'too much waits for identities, of this host most',
      )
    if (!this.#queues.isOverFull) return
    this.#nextLook = setTimeout(() => {
      this.#nextLook = undefined
      this.#giveWay()
    }, LOOK_AGAIN_MS)
  }

  /** Whether frames that wait for this identity are rejected at some point: not those that the directory fails. */
  #isAtItsHostsCost(did: string): boolean {
    if (this.#parts.outcomes.isClockDoubted) return false
    return !isOfDirectory(did) || !this.#parts.identities.isDirectoryUnwell
  }

  /**
   * Whether a frame is rejected where all that waits is too much. Not one that only waits for its turn at a directory that
   * answers: what is on its way in `raw` bounds these, and what comes behind waits, too.
   */
  #mayGiveWay({ did, parkedSinceMs }: DidQueue, host: string): boolean {
    const waitsForItsTurn = isOfDirectory(did) && parkedSinceMs === undefined && this.#standing.isGood(host)
    return !waitsForItsTurn && this.#isAtItsHostsCost(did)
  }

  /** Works a queue off, one frame at a time. */
  async #work(queue: DidQueue): Promise<void> {
    while (queue.entries.length > 0 && !this.#isEnded) {
      await this.#parts.batches.through((queue.entries[0] as QueuedFrame).after)
      // What was first may have given way meanwhile; a batch that has just been finished may have put an older one in front.
      if (queue.entries.length === 0) break
      const { entry, ended } = this.#queues.begin(queue)
      await this.#workOne(queue, entry, ended.signal)
      this.#queues.finish(queue)
    }
    this.#queues.close(queue)
  }

  async #workOne(queue: DidQueue, entry: QueuedFrame, ended: AbortSignal): Promise<void> {
    const { outcomes } = this.#parts
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
      lagPausesMs: this.#parts.lagPausesMs,
      beganMs: this.#beganMs,
      wallNow: this.#parts.wallNow,
    }
    let settled: Settled = await settleIdentity(raw.value, work)
    this.#standing.note(raw.value.host, 'identity' in settled && settled.authoritative)
    while (!this.#isEnded) {
      if ('reason' in settled) return outcomes.reject(raw, settled.reason, '')
      const reply = await this.#parts.verify([{ envelope: raw.value, identity: settled.identity }])
      const verdict = readVerdict(reply, 0)
      outcomes.chargeSlow(raw, slowMsOf(reply, 0))
      if (verdict.reason === null) return outcomes.pass(raw, verdict, settled.identity, settled.authoritative)
      if (verdict.reason === 'rev-future') outcomes.noteAhead(raw)
      if (outcomes.isDoubtful(verdict.reason)) {
        await wait(DOUBT_RETRY_MS, ended)
        continue
      }
      const again: Settled | undefined =
        verdict.reason === 'signature-invalid'
          ? await refreshForSignature(raw.value, settled, work)
          : undefined
      if (again === undefined) return outcomes.reject(raw, verdict.reason, verdict.detail)
      settled = again
    }
  }

  updateMetrics(metrics: VerifierMetrics): void {
    metrics.parkedBytes.set(this.#queues.parkedBytes)
    metrics.parkedQueues.set(this.#queues.parkedQueues)
    metrics.queueBytes.set(this.#queues.bytes)
    metrics.queues.set(this.#queues.size)
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
