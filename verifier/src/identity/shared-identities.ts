import type { Redis } from 'ioredis'
import type { CacheEntry } from './cache.ts'
import type { Identity } from './document.ts'
import { fromWallMs, toWallMs } from './wall-time.ts'

/** What one verifier found out serves the others (protocol.md D9). May forget anything at any time. */
export interface SharedIdentities {
  get(did: string): Promise<(CacheEntry & { readonly found: Identity }) | undefined>
  /** Keeps an identity, unless a look-up that began later is known already. Returns at once. */
  put(entry: CacheEntry & { readonly found: Identity }): void
}

/** A document is believed for so long at most (protocol.md D8). */
const KEEP_MS = 24 * 3_600_000
/** The clock of the machine that looked up may be ahead by so much: what it found is taken to be older. */
const SKEW_MS = 10_000

/** `<start of the look-up in ms> <identity as JSON>`; an entry never replaces one whose look-up began later. */
const PUT = `local known = redis.call('GET', KEYS[1])
if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`

/** Identities that the verifiers of a cluster share, in Redis. */
export class RedisIdentities implements SharedIdentities {
  readonly #redis: Redis
  readonly #prefix: string

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis
    this.#prefix = `${prefix}identity:`
  }

  async get(did: string): Promise<(CacheEntry & { readonly found: Identity }) | undefined> {
    try {
      const text = await this.#redis.get(this.#prefix + did)
      if (text === null) return undefined
      const at = text.indexOf(' ')
      const startedMs = fromWallMs(Number(text.slice(0, at))) - SKEW_MS
      return { startedMs, found: JSON.parse(text.slice(at + 1)) as Identity }
    } catch {
      return undefined
    }
  }

  put({ found, startedMs }: CacheEntry & { readonly found: Identity }): void {
    this.#redis
      .eval(PUT, 1, this.#prefix + found.did, toWallMs(startedMs), JSON.stringify(found), KEEP_MS)
      .catch(() => undefined)
  }
}
