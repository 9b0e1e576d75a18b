import { registrableDomain } from '@bgs/runtime/net/registrable-domain.ts'
import { Slots } from '@bgs/runtime/net/slots.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { unlessAborted, wait } from '@bgs/runtime/service/wait.ts'
import type { VerifierMetrics } from '../metrics.ts'
import { AnswerRate } from './answer-rate.ts'
import { IdentityCache } from './cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import type { Identity } from './document.ts'
import { type Resolution, type ResolveOptions, resolveDid } from './resolve.ts'
import type { SharedIdentities } from './shared-identities.ts'
import type { IdentityStore } from './store.ts'
import { TokenBucket } from './token-bucket.ts'

/** What is found takes about 210 bytes, so some 230,000 of them. */
const CACHE_BYTES = 48 * 1024 * 1024
/** Requests a second toward the PLC directory, and at once after a quiet time (protocol.md D9). */
const PLC_RATE = 300
const PLC_BURST = 3_000
/** Look-ups under way: in all, and on behalf of one host. */
const PLC_SLOTS = { total: 64, perHost: 8 }
const WEB_SLOTS = { total: 32, perHost: 4 }
/**
 * The directory is taken to be down after so many refusals to talk in a row, or when so many different DIDs in a row
 * had no answer: one that hangs is that one's fault.
 */
const CIRCUIT_FAILURES = 5
const CIRCUIT_DIDS = 8
/** A change is remembered for so long, of so many DIDs. */
const CHANGED_MS = 600_000
const MAX_CHANGED = 20_000
/** While it is open, one look-up tries again so often. */
const CIRCUIT_PROBE_MS = 2_000
/** The same where it does answer, but not what was asked for. */
const FLAKY_PROBE_MS = 100

/** What a look-up comes to that nobody waits for any more. */
const GIVEN_UP: Resolution = { kind: 'transient', whole: false, retryAfterMs: 0, detail: 'given up' }

/**
 * Identities for the verifier (protocol.md section 4): cache, negative cache, one look-up at a time for each DID,
 * budgets toward the PLC and for each host, and a circuit that tells the directory's failure from a single DID's.
 */
export class Identities {
  readonly cache = new IdentityCache(CACHE_BYTES)
  readonly #options: ResolveOptions
  readonly #metrics: VerifierMetrics
  readonly #store: IdentityStore | undefined
  readonly #shared: SharedIdentities | undefined
  readonly #signal: AbortSignal
  readonly #plcBucket = new TokenBucket(PLC_RATE, PLC_BURST, monotonicMs)
  readonly #plcSlots = new Slots(PLC_SLOTS.total, PLC_SLOTS.perHost)
  readonly #webSlots = new Slots(WEB_SLOTS.total, WEB_SLOTS.perHost)
  readonly #flights = new Map<string, { startedMs: number; promise: Promise<Resolution> }>()
  #failures = 0
  /** DIDs without an answer since the last look-up that had one; no more than open the circuit. */
  readonly #unanswered = new Set<string>()
  readonly #answers = new AnswerRate()
  readonly #changed = new Map<string, number>()
  #pausedUntilMs = 0

  constructor(
    options: ResolveOptions,
    metrics: VerifierMetrics,
    store: IdentityStore | undefined,
    signal: AbortSignal,
    shared?: SharedIdentities,
  ) {
    this.#options = options
    this.#metrics = metrics
    this.#store = store
    this.#shared = shared
    this.#signal = signal
  }

  /** The directory as a whole does not answer: frames wait, nothing is rejected (G6, invariant 13). */
  get circuitOpen(): boolean {
    return this.#failures >= CIRCUIT_FAILURES || this.#unanswered.size >= CIRCUIT_DIDS
  }

  /**
   * The directory fails for many, be it that it answers some: a host cannot help it, so its frames wait (G6). A single DID
   * that cannot be had does not make it so.
   */
  get isDirectoryUnwell(): boolean {
    return this.circuitOpen || this.#answers.areFlaky
  }

  /** Whether another key or PDS than before was found for this DID in the last ten minutes. */
  hasChanged(did: string, nowMs: number): boolean {
    return nowMs - (this.#changed.get(did) ?? Number.NEGATIVE_INFINITY) < CHANGED_MS
  }

  /** Brings the gauges of look-ups up to date. */
  updateMetrics(): void {
    const { waitingLookUps, busyLookUps, plcTokens } = this.#metrics
    for (const [method, slots] of [
      ['plc', this.#plcSlots],
      ['web', this.#webSlots],
    ] as const) {
      waitingLookUps.set({ method }, slots.waiting)
      busyLookUps.set({ method }, slots.busy)
    }
    plcTokens.set(this.#plcBucket.left)
  }

  /** What is cached and fresh. */
  known(did: string, nowMs: number): CacheEntry | undefined {
    return this.cache.get(did, nowMs)
  }

  giveUp(did: string, nowMs: number): void {
    const known = this.cache.get(did, nowMs)
    // A document that could not be fetched anew is still the document.
    if (known !== undefined && typeof known.found !== 'string') return
    this.cache.put(did, { found: 'identity-unavailable', startedMs: nowMs })
  }

  /**
   * Looks a DID up at its authority, with a look-up that began at `notBeforeMs` or later: one under way serves
   * everybody who may use it. `host` is on whose behalf. The outcome is cached unless it is transient. There is none for
   * now as soon as `signal` is aborted.
   */
  async fetch(
    did: string,
    host: string,
    notBeforeMs: number,
    signal: AbortSignal = this.#signal,
  ): Promise<Resolution> {
    return (await unlessAborted(this.#fetch(did, host, notBeforeMs, signal), signal)) ?? GIVEN_UP
  }

  async #fetch(did: string, host: string, notBeforeMs: number, signal: AbortSignal): Promise<Resolution> {
    const found = await this.#fromOthers(did, notBeforeMs)
    if (found !== undefined) return { kind: 'found', identity: found }
    const flight = this.#flights.get(did)
    if (flight !== undefined) {
      const result = await flight.promise
      if (flight.startedMs >= notBeforeMs) return result
      return this.#fetch(did, host, notBeforeMs, signal)
    }
    // Noted as it begins, before it waits for a slot: what it finds is then at least as new as this.
    const begun = { startedMs: monotonicMs(), promise: this.#lookUp(did, host, signal) }
    this.#flights.set(did, begun)
    try {
      return await begun.promise
    } finally {
      this.#flights.delete(did)
    }
  }

  /** What another verifier has found, if its look-up began late enough. */
  async #fromOthers(did: string, notBeforeMs: number): Promise<Identity | undefined> {
    const entry = await this.#shared?.get(did)
    if (entry === undefined || entry.startedMs < notBeforeMs) return undefined
    this.cache.put(did, entry)
    // Not where something newer is cached here, or it is no longer fresh.
    const known = this.cache.get(did, monotonicMs())
    if (known?.startedMs !== entry.startedMs) return undefined
    this.#metrics.resolutions.inc({ method: 'shared', result: 'found' })
    return entry.found
  }

  async #lookUp(did: string, host: string, signal: AbortSignal): Promise<Resolution> {
    const web = did.startsWith('did:web:')
    const slots = web ? this.#webSlots : this.#plcSlots
    // Names that hang cost nothing to make up, nor do hosts under one domain: of these each domain has its share.
    const key = web ? registrableDomain(host) : host
    if (!(await slots.acquire(key, signal))) return GIVEN_UP
    try {
      if (!web) await this.#plcTurn()
      const startedMs = monotonicMs()
      const end = this.#metrics.resolveSeconds.startTimer()
      const attributes = { method: web ? 'web' : 'plc', did }
      const result = await inSpan('resolve DID', attributes, () => resolveDid(did, this.#options))
      end()
      this.#note(did, web, result, startedMs)
      return result
    } finally {
      slots.release(key)
    }
  }

  /** Waits for the directory's budget, and as long as it has asked us to. */
  async #plcTurn(): Promise<void> {
    for (;;) {
      const ms = Math.max(this.#pausedUntilMs - monotonicMs(), this.#plcBucket.waitMs())
      if (this.#signal.aborted) return
      if (ms <= 0 && this.#plcBucket.take()) return
      await wait(Math.max(ms, 1), this.#signal)
    }
  }

  #noteChange(did: string, { keyMultibase, pdsHost }: Identity): void {
    const before = this.cache.get(did, monotonicMs())?.found
    if (typeof before !== 'object' || (before.keyMultibase === keyMultibase && before.pdsHost === pdsHost))
      return
    this.#changed.delete(did)
    this.#changed.set(did, monotonicMs())
    if (this.#changed.size > MAX_CHANGED) this.#changed.delete(this.#changed.keys().next().value as string)
  }

  #note(did: string, web: boolean, result: Resolution, startedMs: number): void {
    this.#metrics.resolutions.inc({ method: web ? 'web' : 'plc', result: result.kind })
    // Before the cache learns of it (D1): many known ones that are gone at once are the directory's fault, or its URL's.
    if (!web && result.kind !== 'transient' && this.cache.hasDocument(did))
      this.#metrics.knownLookUps.inc({ result: result.kind === 'found' ? 'found' : result.reason })
    if (result.kind === 'transient') {
      if (web) return
      const wasOpen = this.circuitOpen
      if (result.whole) this.#failures++
      if (this.#unanswered.size < CIRCUIT_DIDS) this.#unanswered.add(did)
      this.#answers.noteFailure(did)
      if (!wasOpen && this.circuitOpen) this.#metrics.directoryOutages.inc()
      const probeMs = this.#failures >= CIRCUIT_FAILURES ? CIRCUIT_PROBE_MS : FLAKY_PROBE_MS
      const pauseMs = Math.max(result.retryAfterMs, this.circuitOpen ? probeMs : 0)
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, monotonicMs() + pauseMs)
      return
    }
    if (!web) {
      this.#failures = 0
      this.#unanswered.clear()
      this.#answers.noteAnswer()
    }
    if (result.kind === 'unusable') return this.cache.put(did, { found: result.reason, startedMs })
    const entry = { found: result.identity, startedMs }
    this.#noteChange(did, result.identity)
    this.cache.put(did, entry)
    this.#store?.note(entry)
    this.#shared?.put(entry)
  }
}
