import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { keptStatus } from '@bgs/contract/envelope/status.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import { httpGet } from '@bgs/runtime/net/http-get.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { z } from 'zod'
import type { CrawlerMetrics } from './metrics.ts'

/** A DID is asked about once in so long (protocol.md C1). */
const ONCE_MS = 60_000
/** Questions waiting at most, and DIDs remembered as asked; beyond it a question is dropped: the next commit asks again. */
const MAX_WAITING = 1_000
const MAX_REMEMBERED = 100_000
/** Questions under way: in all, and to one host, so that one that does not answer leaves room for the others. */
const PARALLEL = 8
const PARALLEL_PER_HOST = 2
const TIMEOUT_MS = 5_000
const MAX_BYTES = 64 * 1024

const Answer = z.object({ did: z.string(), active: z.boolean(), status: z.string().nullish() })

interface Question {
  readonly did: string
  readonly host: string
  readonly version: number
}

/**
 * Asks an account's PDS for its status when commits arrive of an account that its PDS once called inactive (C1, E2);
 * the answer goes through control, with the state version that it was asked at (invariant 7).
 */
export class StatusRecheck {
  readonly #control: BusProducer<ControlMessage, () => void>
  readonly #metrics: CrawlerMetrics
  readonly #allowPrivate: boolean
  readonly #waiting: Question[] = []
  readonly #askedMs = new Map<string, number>()
  readonly #busy = new Map<string, number>()
  readonly #notify = new Notify()

  constructor(
    control: BusProducer<ControlMessage, () => void>,
    metrics: CrawlerMetrics,
    allowPrivate: boolean,
  ) {
    this.#control = control
    this.#metrics = metrics
    this.#allowPrivate = allowPrivate
  }

  /** Takes a question, unless it was asked within the minute or too many wait. Returns at once. */
  readonly ask = (question: Question): void => {
    const nowMs = monotonicMs()
    const asked = this.#askedMs.get(question.did)
    if (asked !== undefined && nowMs - asked < ONCE_MS) return
    if (this.#waiting.length >= MAX_WAITING) return this.#metrics.rechecks.inc({ result: 'left-out' })
    this.#askedMs.delete(question.did)
    this.#askedMs.set(question.did, nowMs)
    if (this.#askedMs.size > MAX_REMEMBERED) this.#askedMs.delete(this.#askedMs.keys().next().value as string)
    this.#waiting.push(question)
    this.#metrics.recheckWaiting.set(this.#waiting.length)
    this.#notify.notify()
  }

  /** Asks until `signal` is aborted, and what it began has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<void>>()
    while (!signal.aborted) {
      const question = underWay.size < PARALLEL ? this.#next() : undefined
      if (question === undefined) {
        await this.#notify.wait(1_000, signal)
        continue
      }
      const asking: Promise<void> = this.#put(question).finally(() => {
        underWay.delete(asking)
        this.#count(question.host, -1)
        this.#notify.notify()
      })
      underWay.add(asking)
    }
    await Promise.all(underWay)
  }

  /** The oldest question to a host that may be asked now. */
  #next(): Question | undefined {
    const at = this.#waiting.findIndex(({ host }) => (this.#busy.get(host) ?? 0) < PARALLEL_PER_HOST)
    const question = at < 0 ? undefined : this.#waiting.splice(at, 1)[0]
    this.#metrics.recheckWaiting.set(this.#waiting.length)
    if (question !== undefined) this.#count(question.host, 1)
    return question
  }

  #count(host: string, change: number): void {
    const count = (this.#busy.get(host) ?? 0) + change
    if (count > 0) this.#busy.set(host, count)
    else this.#busy.delete(host)
  }

  async #put({ did, host, version }: Question): Promise<void> {
    try {
      const url = new URL('/xrpc/com.atproto.sync.getRepoStatus', parseHost(host, this.#allowPrivate).http)
      url.searchParams.set('did', did)
      const trust = this.#allowPrivate ? 'private' : 'public'
      const reply = await httpGet(url, {
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
        userAgent: USER_AGENT,
        trust,
      })
      if (!reply.ok) throw new Error(`HTTP ${reply.status}`)
      const { active, status, did: answered } = Answer.parse(JSON.parse(reply.body))
      if (answered !== did) throw new Error('an answer about another DID')
      this.#metrics.rechecks.inc({ result: active ? 'active' : 'inactive' })
      const message = {
        kind: 'account-upstream',
        did,
        host,
        version,
        active,
        status: keptStatus(status ?? null),
      } as const
      this.#control.publish(0, message, 512, () => undefined)
    } catch {
      // No answer changes nothing (E2): the next commit asks again.
      this.#metrics.rechecks.inc({ result: 'failed' })
    }
  }
}
