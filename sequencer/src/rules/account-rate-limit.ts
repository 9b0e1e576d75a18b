import { type Facts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import { RATE_THROTTLE } from '@bgs/contract/envelope/status.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { Account } from '../state/account.ts'
import { statusEvent } from './account-event.ts'
import type { Append } from './decision.ts'

const HOUR_MS = 3_600_000
/** Accounts whose rate is remembered: those that did something out of the ordinary last. */
const MAX_REMEMBERED = 50_000

export interface AccountRateSettings {
  /** Events of each kind that one account may have in an hour, after as many at once. */
  readonly eventsPerHour: number
  /** How long it is throttled for more. */
  readonly throttleMs: number
}

/** Kinds of event that cost every subscriber more than a commit that follows the one before (3.6). */
type Kind = '#identity' | '#account' | '#sync' | 'discontinuous'

interface Buckets {
  readonly left: Record<Kind, number>
  /** On the monotonic clock: a clock that is set back must throttle nobody. */
  atMs: number
}

/**
 * Accounts that say too much (protocol.md 3.6): one that exceeds an hour's share of #identity, #account, #sync or of
 * commits that break its chain is throttled for a while. In memory alone: after a restart everyone has a full share.
 */
export class AccountRateLimit {
  readonly #limits: AccountRateSettings
  readonly #clock: () => number
  readonly #buckets = new Map<string, Buckets>()

  /** `clock` is monotonic. */
  constructor(limits: AccountRateSettings, clock: () => number = monotonicMs) {
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * Counts what was appended of an account that is active locally; the entry that throttles it, where that was too
   * much, else null. `nowMs` is the time of day.
   */
  note(
    account: Account,
    { facts, kind, outcome }: Append,
    envelope: VerifiedEnvelope,
    nowMs: number,
  ): Append | null {
    const counted = outcome === 'emit-discontinuous' ? 'discontinuous' : kind
    if (counted === '#commit' || counted === 'quiet' || account.local !== 'active') return null
    const buckets = this.#refilled(envelope.did)
    buckets.left[counted]--
    if (buckets.left[counted] >= 0) return null
    this.#buckets.delete(envelope.did)
    const throttled: Facts = {
      ...NO_FACTS,
      did: facts.did,
      local: RATE_THROTTLE,
      untilMs: nowMs + this.#limits.throttleMs,
    }
    return statusEvent(facts.did, new Date(nowMs).toISOString(), RATE_THROTTLE, account.upstream, throttled)
  }

  #refilled(did: string): Buckets {
    const { eventsPerHour } = this.#limits
    const nowMs = this.#clock()
    const known = this.#buckets.get(did)
    this.#buckets.delete(did)
    const left: Record<Kind, number> = known?.left ?? {
      '#identity': eventsPerHour,
      '#account': eventsPerHour,
      '#sync': eventsPerHour,
      discontinuous: eventsPerHour,
    }
    const more = ((nowMs - (known?.atMs ?? nowMs)) / HOUR_MS) * eventsPerHour
    for (const kind of Object.keys(left) as Kind[]) left[kind] = Math.min(eventsPerHour, left[kind] + more)
    const buckets = { left, atMs: nowMs }
    this.#buckets.set(did, buckets)
    if (this.#buckets.size > MAX_REMEMBERED) this.#buckets.delete(this.#buckets.keys().next().value as string)
    return buckets
  }
}
