import { monotonicMs } from '@bgs/shared/service/monotonic.ts'

/** What a host's revs said counts for so long. */
const LATELY_MS = 60_000
/** Hosts remembered on each side; beyond it the one heard of longest ago is forgotten. */
const MAX_HOSTS = 10_000

/**
 * Whether this relay's own clock is to be doubted: the revs of most hosts lie in its future (C4). One host with a wrong
 * clock is that host's fault; where most have one, the relay has. What is ahead then waits, and is refused by nobody.
 */
export class ClockDoubt {
  readonly #now: () => number
  readonly #ahead = new Map<string, number>()
  readonly #fit = new Map<string, number>()

  constructor(now: () => number = monotonicMs) {
    this.#now = now
  }

  /** A host's rev lies in the future. */
  noteAhead(host: string): void {
    note(this.#ahead, host, this.#now())
    this.#fit.delete(host)
  }

  /** A host's commit has a rev that fits. Cheap while nobody's lies in the future. */
  noteFits(host: string): void {
    if (this.#ahead.size === 0) return
    this.#ahead.delete(host)
    note(this.#fit, host, this.#now())
  }

  get isDoubted(): boolean {
    const since = this.#now() - LATELY_MS
    forget(this.#ahead, since)
    forget(this.#fit, since)
    return this.#ahead.size > this.#fit.size
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
