/**
 * The verifier: takes frames from `raw`, verifies each by its own bytes and its account's DID document, and publishes what
 * passes to the same partition of `verified`. What fails gets a reason, is counted, and is done.
 *
 * A #commit or #sync whose identity is in memory and names its host joins a batch (batches.ts), which is verified here or by
 * a thread (verify/). Any other frame opens a queue for its DID (queue-work.ts, did-queues.ts), where frames go one by one
 * behind a look-up (settle-identity.ts). Either way its outcome is told once (outcomes.ts).
 *
 * Why the frames of one DID stay in order (invariant 3):
 * 1. Frame A goes with batch 4. Frame B of the same DID needs a look-up, and opens a queue behind batch 4.
 * 2. Batch 5 is judged before batch 4. It waits: batches are finished in the order in which they were handed over.
 * 3. Batch 4 is finished. The queue is there, so A goes into it, in front of B, and is judged again there.
 * 4. The queue works A off, then B. What comes of this DID meanwhile goes into the queue, too.
 * 5. The queue is empty and closes. The next frame of this DID goes with a batch again.
 */

import { setImmediate } from 'node:timers/promises'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { untilAborted } from '@bgs/runtime/service/wait.ts'
import { type Batch, Batches } from './batches.ts'
import { LAG_PAUSES_MS } from './directory-lag.ts'
import type { Identity } from './identity/document.ts'
import { type OutcomeParts, Outcomes, type Raw } from './outcomes.ts'
import type { IdentitySource } from './parked-look-up.ts'
import { QueueWork } from './queue-work.ts'
import type { VerifyPool } from './verify/pool.ts'
import { readVerdict, slowMsOf, type VerifyReply } from './verify/reply.ts'
import type { VerifyItem } from './verify/request.ts'

/** Frames judged in one hand-over at most, by number and bytes. */
const BATCH = 64
const BATCH_BYTES = 512 * 1024
/** Frames taken from the bus at once where threads verify them; else it is a batch, behind which others have their turn. */
const POLL = 256

/** By whose document a heartbeat is judged. */
const NOBODY: Identity = { did: '', keyType: '', keyMultibase: '', pdsHost: '', handle: '', digest: '' }

export interface VerifierParts extends OutcomeParts {
  readonly identities: IdentitySource & {
    readonly circuitOpen: boolean
    readonly cache: { readonly size: number }
  }
  readonly pool: VerifyPool
}

/** Each DID strictly in order, different DIDs in parallel. */
export class Verifier {
  readonly #parts: VerifierParts
  readonly #outcomes: Outcomes
  readonly #batches: Batches
  readonly #queues: QueueWork
  readonly #notify = new Notify()
  #fault: unknown

  /** `lagPausesMs`: how long a directory that is behind is given (`LAG_PAUSES_MS`). */
  constructor(parts: VerifierParts, lagPausesMs: readonly number[] = LAG_PAUSES_MS) {
    this.#parts = parts
    const verify = (items: readonly VerifyItem[]) => this.#verify(items)
    const onFault = (error: unknown) => this.#fail(error)
    const outcomes = new Outcomes(parts)
    const finish = (batch: Batch, reply: VerifyReply) => this.#finish(batch, reply)
    const batches = new Batches({ verify, finish, onFault })
    const { identities, wallNow } = parts
    this.#outcomes = outcomes
    this.#batches = batches
    this.#queues = new QueueWork({ identities, batches, outcomes, verify, onFault, lagPausesMs, wallNow })
  }

  /** Runs until `signal` is aborted; what is in flight then is not published, and comes again after a restart. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#end(), { once: true })
    const { raw, pool, verified } = this.#parts
    raw.onAvailable(this.#notify.notify)
    while (!signal.aborted) {
      if (this.#fault !== undefined) throw this.#fault
      const room = verified.room()
      if (room !== undefined) await untilAborted(room, signal)
      // Once it is asked to end nothing more may be published: an older frame of the same DID may be given up.
      if (signal.aborted) break
      const entries = pool.hasRoom ? raw.poll(pool.readyThreads > 0 ? POLL : BATCH) : []
      if (entries.length > 0) {
        this.#dispatch(entries)
        // What is verified in this thread leaves it to others now and then.
        await setImmediate()
      } else await this.#notify.wait(1_000, signal)
      this.#outcomes.look()
      this.#updateMetrics()
    }
  }

  #end(): void {
    this.#outcomes.end()
    this.#batches.end()
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
      if (raws.length > 0) this.#batches.submit(raws, items)
      raws = []
      items = []
      bytes = 0
    }
    for (const entry of entries) {
      const { did, host, type, frame } = entry.value
      if (entry.value.isHeartbeat === true) {
        // Through a judging thread as a frame goes, in its own batch: its verdict says nothing.
        hand()
        this.#batches.submit([entry], [{ envelope: entry.value, identity: NOBODY }])
        continue
      }
      const known =
        (type === '#commit' || type === '#sync') && this.#queues.of(did) === undefined
          ? this.#parts.identities.known(did, nowMs)?.found
          : undefined
      const isPdsHost = typeof known === 'object' && (known.pdsHost === host || entry.value.relayed === true)
      if (known === undefined || typeof known === 'string' || !isPdsHost) {
        // What of this DID is in the batch being filled must be judged before its queue begins.
        hand()
        this.#queues.enqueue(entry)
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

  async #verify(items: readonly VerifyItem[]): Promise<VerifyReply> {
    const { pool, wallNow } = this.#parts
    const reply = await inSpan('judge batch', { frames: items.length }, () => pool.verify(items, wallNow()))
    this.#parts.metrics.verifySeconds.inc(reply.seconds)
    // There is room in the pool again.
    this.#notify.notify()
    return reply
  }

  #finish(batch: Batch, reply: VerifyReply): void {
    const outcomes = this.#outcomes
    for (const [i, raw] of batch.raws.entries()) {
      if (raw.value.isHeartbeat === true) {
        outcomes.passHeartbeat(raw)
        continue
      }
      const queue = this.#queues.of(raw.value.did)
      const verdict = readVerdict(reply, i)
      outcomes.chargeSlow(raw, slowMsOf(reply, i))
      if (verdict.reason === 'rev-future') outcomes.noteAhead(raw)
      // Behind a frame of this DID that is being looked at again; or the first to be.
      if (queue !== undefined) this.#queues.insert(queue, raw, batch.number)
      else if (verdict.reason === 'signature-invalid' || outcomes.isDoubtful(verdict.reason))
        this.#queues.enqueue(raw, batch.number)
      else if (verdict.reason !== null) outcomes.reject(raw, verdict.reason, verdict.detail)
      else outcomes.pass(raw, verdict, (batch.items[i] as VerifyItem).identity, true)
    }
  }

  #fail(error: unknown): void {
    this.#fault ??= error
    this.#notify.notify()
  }

  #updateMetrics(): void {
    const { metrics, identities, pool } = this.#parts
    metrics.cachedIdentities.set(identities.cache.size)
    metrics.directoryDown.set(identities.circuitOpen ? 1 : 0)
    metrics.directoryUnwell.set(identities.isDirectoryUnwell ? 1 : 0)
    metrics.queuedBatches.set(pool.queued)
    metrics.openBatches.set(this.#batches.open)
    this.#queues.updateMetrics(metrics)
  }
}
