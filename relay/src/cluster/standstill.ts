import type { Standing } from '@bgs/cluster/leases/standing.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** What may be missing so that a process stands still: a closed set, for the metric, the log and /readyz. */
const STANDSTILL_CAUSES = ['kafka', 'unanswered', 'directory', 'hosts'] as const
export type StandstillCause = (typeof STANDSTILL_CAUSES)[number]

/** A process that another has taken over from for so long may be helped by a restart. */
const RESTART_AFTER_MS = 60_000

/** Something that the work of a role needs, and whether this process gets through to it. */
export interface Reach {
  readonly name: StandstillCause
  /** What is missing, in words. */
  readonly detail: string
  /** For how long nothing has got through, where that is a standstill; else 0. In milliseconds. */
  readonly stillMs: number
  /** How long ago it is known to have got through. */
  readonly workedAgoMs: number
}

/**
 * Whether the work of a role gets through, and what is missing where it does not. Waiting because a topic is full, for
 * the disk, or because an operator said so is none: something answers then.
 */
export class Standstill implements Standing {
  readonly #needs: readonly Reach[]
  readonly #now: () => number
  #yieldsSinceMs: number | undefined

  constructor(needs: readonly Reach[], now: () => number = monotonicMs) {
    this.#needs = needs
    this.#now = now
  }

  get isStill(): boolean {
    return this.#needs.some(({ stillMs }) => stillMs > 0)
  }

  get workedAgoMs(): number {
    return Math.max(0, ...this.#needs.map(({ workedAgoMs }) => workedAgoMs))
  }

  /** For how long by each cause that it can have, in milliseconds. */
  get ages(): ReadonlyMap<StandstillCause, number> {
    return new Map(this.#needs.map(({ name, stillMs }) => [name, stillMs]))
  }

  /** What is missing, in words for the log and /readyz; undefined where nothing is. */
  get text(): string | undefined {
    const missing = this.#needs.filter(({ stillMs }) => stillMs > 0)
    if (missing.length === 0) return undefined
    return missing
      .map(({ detail, stillMs }) => `stands still for ${Math.round(stillMs / 1_000)} s: ${detail}`)
      .join('; ')
  }

  /** Takes in whether another has been given what this process had; to be called every few seconds at least. */
  noteYields(yields: boolean): void {
    if (!yields) this.#yieldsSinceMs = undefined
    else this.#yieldsSinceMs ??= this.#now()
  }

  /**
   * Why a restart could help, for /livez: another of this role has got work through for a minute and this one has not.
   * Undefined where that is not so: what nobody gets through, no restart helps.
   */
  get restartCouldHelp(): string | undefined {
    if (this.#yieldsSinceMs === undefined || this.#now() - this.#yieldsSinceMs < RESTART_AFTER_MS)
      return undefined
    return this.text
  }
}
