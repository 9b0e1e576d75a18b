import { isIP } from 'node:net'
import { monotonicMs } from '../service/monotonic.ts'
import { wait } from '../service/wait.ts'
import { HostsFile } from './hosts-file.ts'
import { askNameServers, type NameServers } from './name-servers.ts'
import { registrableDomain } from './registrable-domain.ts'
import { Slots } from './slots.ts'

/** Whoever asks waits so long at most, for its turn and for the answer. */
const DEADLINE_MS = 10_000
/** Names asked for at once: in all, and under one domain, so that a domain whose servers do not answer leaves room. */
const SLOTS = { total: 1_024, perDomain: 64 }
/** Names that wait for their turn; beyond it an asker is told to come again. */
const MAX_WAITING = 10_000
/** Answers remembered: as long as the name servers say, up to a minute; that there was none, for some seconds. */
const MAX_REMEMBERED = 20_000
const MOST_REMEMBERED_MS = 60_000
const FAILURE_REMEMBERED_MS = 5_000
/** The machine's own resolver is asked after name servers were silent for so long … */
const SYSTEM_AFTER_MS = 1_000
/** … and for so many names at a time: each costs a process. */
const SYSTEM_AT_ONCE = 8

/** A name has no address (`ENOTFOUND`), or nobody could say whether it has one (`EAI_AGAIN`). */
class LookupError extends Error {
  override name = 'LookupError'
  readonly code: 'ENOTFOUND' | 'EAI_AGAIN'
  constructor(message: string, code: 'ENOTFOUND' | 'EAI_AGAIN') {
    super(message)
    this.code = code
  }
}

export interface LookupParts {
  readonly servers: NameServers
  /** The file in the form of /etc/hosts. */
  readonly hostsPath: string
  /** The machine's own resolver (search domains, mDNS, …), where it is to be asked for what name servers do not know. */
  readonly system?: (name: string) => Promise<readonly string[]>
  readonly deadlineMs?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
}

/** What a name came to. */
type Outcome = { readonly addresses: readonly string[] } | { readonly error: LookupError }
interface Remembered {
  readonly outcome: Outcome
  readonly untilMs: number
}

/**
 * Addresses of the names that strangers give: hosts, did:web. Node's own look-up runs on a few threads that all look-ups
 * of the process share, and a name whose servers are silent holds one for half a minute; this one asks name servers
 * without a thread, one question at a time for each name, and bounds what one domain may have under way.
 */
export class NameLookup {
  readonly #parts: LookupParts
  readonly #deadlineMs: number
  readonly #now: () => number
  readonly #hosts: HostsFile
  readonly #slots = new Slots(SLOTS.total, SLOTS.perDomain)
  readonly #systemTurn = new Slots(SYSTEM_AT_ONCE, SYSTEM_AT_ONCE)
  readonly #flights = new Map<string, Promise<Outcome>>()
  readonly #remembered = new Map<string, Remembered>()
  readonly #ended = new AbortController()

  constructor(parts: LookupParts) {
    this.#parts = parts
    this.#deadlineMs = parts.deadlineMs ?? DEADLINE_MS
    this.#now = parts.now ?? monotonicMs
    this.#hosts = new HostsFile(parts.hostsPath, this.#now)
  }

  /**
   * Addresses of a host, as a URL names it, at least one; IPv4 and IPv6 in turn. Literals and `localhost` ask nobody.
   * Throws LookupError.
   */
  async addressesOf(host: string): Promise<readonly string[]> {
    const name = host
      .toLowerCase()
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '')
    if (isIP(name) !== 0) return [name]
    const named = this.#hosts.addressesOf(name)
    if (named.length > 0) return named
    // RFC 6761: never asked of a name server.
    if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1']
    const outcome = this.#recall(name) ?? (await this.#withinDeadline(name))
    if ('error' in outcome) throw outcome.error
    return outcome.addresses
  }

  /** Asks nobody any more: what is under way and what waits ends now, without an answer. */
  end(): void {
    this.#ended.abort()
    this.#parts.servers().cancel()
  }

  /** As long as whoever asked is there. */
  #patience(): AbortSignal {
    return AbortSignal.any([this.#ended.signal, AbortSignal.timeout(this.#deadlineMs)])
  }

  #recall(name: string): Outcome | undefined {
    const known = this.#remembered.get(name)
    if (known === undefined || known.untilMs > this.#now()) return known?.outcome
    this.#remembered.delete(name)
    return undefined
  }

  async #withinDeadline(name: string): Promise<Outcome> {
    const late = Promise.withResolvers<Outcome>()
    const timer = setTimeout(
      () => late.resolve(again(`no name server answered for ${name} within ${this.#deadlineMs} ms`)),
      this.#deadlineMs,
    )
    try {
      return await Promise.race([this.#flight(name), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** One question at a time for each name, for all who ask. */
  #flight(name: string): Promise<Outcome> {
    const under = this.#flights.get(name)
    if (under !== undefined) return under
    if (this.#flights.size >= MAX_WAITING + SLOTS.total)
      return Promise.resolve(again(`too many names are being looked up: ${name} has to wait`))
    const flight = this.#ask(name).finally(() => this.#flights.delete(name))
    this.#flights.set(name, flight)
    return flight
  }

  async #ask(name: string): Promise<Outcome> {
    const domain = registrableDomain(name)
    if (!(await this.#slots.acquire(domain, this.#patience()))) return again(`${name} waited for too long`)
    try {
      const { outcome, ttlMs } = await this.#askServers(name)
      const keepMs = 'error' in outcome ? FAILURE_REMEMBERED_MS : Math.min(ttlMs, MOST_REMEMBERED_MS)
      this.#remembered.set(name, { outcome, untilMs: this.#now() + keepMs })
      if (this.#remembered.size > MAX_REMEMBERED)
        this.#remembered.delete(this.#remembered.keys().next().value as string)
      return outcome
    } finally {
      this.#slots.release(domain)
    }
  }

  async #askServers(name: string): Promise<{ outcome: Outcome; ttlMs: number }> {
    const asked = askNameServers(this.#parts.servers, name).then((answer) => ({
      outcome:
        answer.kind === 'found'
          ? { addresses: answer.addresses }
          : answer.kind === 'none'
            ? { error: new LookupError(`${name} has no address (${answer.detail})`, 'ENOTFOUND') }
            : again(`no name server could say the address of ${name} (${answer.detail})`),
      ttlMs: answer.kind === 'found' ? answer.ttlMs : 0,
    }))
    const { system } = this.#parts
    if (system === undefined) return asked
    const answered = new AbortController()
    const early = await Promise.race([asked, wait(SYSTEM_AFTER_MS, answered.signal)])
    answered.abort()
    if (early !== undefined && !('error' in early.outcome)) return early
    return Promise.any([found(asked), found(this.#askSystem(name, system))]).catch(() => asked)
  }

  async #askSystem(
    name: string,
    system: (name: string) => Promise<readonly string[]>,
  ): Promise<{ outcome: Outcome; ttlMs: number }> {
    if (!(await this.#systemTurn.acquire('', this.#patience())))
      return { outcome: again(`${name} waited for too long`), ttlMs: 0 }
    try {
      const addresses = await system(name)
      return { outcome: { addresses }, ttlMs: MOST_REMEMBERED_MS }
    } finally {
      this.#systemTurn.release('')
    }
  }
}

/** Rejects where an answer has no address. */
async function found<T extends { outcome: Outcome }>(answer: Promise<T>): Promise<T> {
  const result = await answer
  if ('error' in result.outcome) throw result.outcome.error
  return result
}

function again(message: string): { error: LookupError } {
  return { error: new LookupError(message, 'EAI_AGAIN') }
}
