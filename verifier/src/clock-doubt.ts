import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** What a host's revs said counts for so long. */
const LATELY_MS = 60_000
/** A clock that has moved by less against the monotonic one was not set. */
const SET_MS = 1_000
/** Hosts remembered on each side; beyond it the one heard of longest ago is forgotten. */
const MAX_HOSTS = 10_000

/**
 * Whether this relay's own clock is to be doubted: the revs of most hosts lie in its future (C4). One host with a wrong
 * clock is that host's fault; where most have one, the relay has. What is ahead then waits, and is rejected by nobody.
 *
 * Where only one host speaks of late, that of another fitted some time ago tells, if the clock was not set since.
 */
export class ClockDoubt {
  readonly #now: () => number
  readonly #ahead = new Map<string, number>()
  readonly #fit = new Map<string, number>()

  /** Whose rev has fitted since the last look. */
  #fitted: string | undefined
  /** The time of day less the monotonic one at the last look. */
  #offsetMs = Number.NaN
  /** The last two hosts whose revs fitted, and the offset at that time: one of them may be the one that is ahead now. */
  #proofs: readonly { readonly host: string; readonly offsetMs: number }[] = []

  constructor(now: () => number = monotonicMs) {
    this.#now = now
  }

  /** Looks at the clock; to be called about once a second. `wallMs` is the time of day. */
  look(wallMs: number): void {
    const offsetMs = wallMs - this.#now()
    // What revs said of it before it was set says nothing of the clock as it is.
    const wasSet = !(Math.abs(offsetMs - this.#offsetMs) < SET_MS)
    if (wasSet) {
      this.#ahead.clear()
      this.#fit.clear()
    }
    const host = this.#fitted
    if (!wasSet && host !== undefined)
      this.#proofs = [{ host, offsetMs }, ...this.#proofs.filter((one) => one.host !== host)].slice(0, 2)
    this.#fitted = undefined
    this.#offsetMs = offsetMs
  }

  /**
   * A host's rev lies in the future of `wallMs`. The clock may have been set back since the last look, and then proves nothing:
   * 1. a look; 2. the clock is set back; 3. a frame lies in its future; 4. the next look would notice 2, too late for 3.
   */
  noteAhead(host: string, wallMs: number): void {
    this.look(wallMs)
    note(this.#ahead, host, this.#now())
    this.#fit.delete(host)
  }

  /** A host's commit has a rev that fits. Cheap while nobody's lies in the future. */
  noteFits(host: string): void {
    this.#fitted = host
    if (this.#ahead.size === 0) return
    this.#ahead.delete(host)
    note(this.#fit, host, this.#now())
  }

  get isDoubted(): boolean {
    const since = this.#now() - LATELY_MS
    forget(this.#ahead, since)
    forget(this.#fit, since)
    if (this.#ahead.size === 1 && this.#isProven) return false
    return this.#ahead.size > this.#fit.size
  }

  get #isProven(): boolean {
    return this.#proofs.some(
      ({ host, offsetMs }) => !this.#ahead.has(host) && Math.abs(offsetMs - this.#offsetMs) < SET_MS,
    )
  }
}

function note(hosts: Map<string, number>, host: string, atMs: number): void {
  hosts.delete(host)
  hosts.set(host, atMs)
  if (hosts.size > MAX_HOSTS) hosts.delete(hosts.keys().next().value as string)
}

function forget(hosts: Map<string, number>, since: number): void {
  for (const [host, atMs] of hosts) {
    if (atMs >= since) return
    hosts.delete(host)
  }
}
