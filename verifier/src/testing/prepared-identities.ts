import { untilAborted } from '@bgs/runtime/service/wait.ts'
import type { CacheEntry } from '../identity/cache-entry.ts'
import type { Identity } from '../identity/document.ts'
import type { Resolution } from '../identity/resolve.ts'
import type { IdentitySource } from '../parked-look-up.ts'

/** Identities that a test decides: what is cached, what a look-up finds, and when it answers. */
export class PreparedIdentities implements IdentitySource {
  /** The directory gives no answers, or only some. */
  circuitOpen = false
  /** DIDs of which another key or PDS was found of late. */
  readonly changed = new Set<string>()
  readonly cache = new Map<string, CacheEntry>()
  /** What a look-up answers; an Identity stands for `found`. */
  readonly answers = new Map<string, Identity | Resolution>()
  /** DIDs whose look-ups wait until `answer`. */
  readonly slow = new Set<string>()
  /** Look-ups made, in order. */
  readonly fetched: { did: string; host: string; notBeforeMs: number }[] = []
  readonly givenUp: string[] = []
  readonly #now: () => number
  #waiting: { did: string; go: () => void }[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  get isDirectoryUnwell(): boolean {
    return this.circuitOpen
  }

  hasChanged(did: string): boolean {
    return this.changed.has(did)
  }

  known(did: string): CacheEntry | undefined {
    return this.cache.get(did)
  }

  giveUp(did: string, nowMs: number): void {
    this.givenUp.push(did)
    this.cache.set(did, { found: 'identity-unavailable', startedMs: nowMs })
  }

  async fetch(did: string, host: string, notBeforeMs: number, signal: AbortSignal): Promise<Resolution> {
    this.fetched.push({ did, host, notBeforeMs })
    if (this.slow.has(did))
      await untilAborted(new Promise<void>((go) => this.#waiting.push({ did, go })), signal)
    if (signal.aborted) return TRANSIENT
    const answer = this.answers.get(did)
    if (answer === undefined) return { kind: 'unusable', reason: 'identity-not-found' }
    if ('kind' in answer) return answer
    this.cache.set(did, { found: answer, startedMs: this.#now() })
    return { kind: 'found', identity: answer }
  }

  /** Lets the look-ups of a DID answer, and those to come. */
  answer(did: string): void {
    this.slow.delete(did)
    for (const one of this.#waiting) if (one.did === did) one.go()
    this.#waiting = this.#waiting.filter((one) => one.did !== did)
  }

  fetchesOf(did: string): number {
    return this.fetched.filter((one) => one.did === did).length
  }
}

export const TRANSIENT: Resolution = { kind: 'transient', whole: false, retryAfterMs: 0, detail: 'test' }
