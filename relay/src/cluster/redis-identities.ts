import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { CacheEntry } from '@bgs/verifier/identity/cache-entry.ts'
import type { Identity } from '@bgs/verifier/identity/document.ts'
import type { SharedIdentities } from '@bgs/verifier/identity/shared-identities.ts'
import { decodeIdentity, encodeIdentity } from '@bgs/verifier/identity/stored-identity.ts'
import type { Redis } from 'ioredis'

/** A document is believed for so long at most (protocol.md D8). */
const KEEP_MS = 24 * 3_600_000
/** Redis's clock may be set back by so much unnoticed: what was found is taken to be so much older. */
const SKEW_MS = 10_000
/** Redis's time, as it was read once, is reckoned on for so long. */
const TIME_GOOD_MS = 60_000

/**
 * Redis's clock alone says when a look-up began: none of the verifiers' clocks matters. Kept is
 * `<start of the look-up in ms> <identity as JSON>`. What lies in the future is of a clock that was set back since, and
 * of no use.
 */
const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('GET', KEYS[1])
local began = known and tonumber(string.match(known, '^%d+'))`

/** Answers with Redis's time and, where something is known, its age in ms and the identity. */
const GET = `${NOW}
if not began or began > now then return {now} end
return {now, now - began, string.sub(known, string.find(known, ' ') + 1)}`

/** ARGV: start of the look-up in Redis's time, identity, ms to keep. None replaces one that began later. */
const PUT = `${NOW}
if tonumber(ARGV[1]) > now then return 0 end
if began and began > tonumber(ARGV[1]) and began <= now then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`

/** Identities that the verifiers of a cluster share, in Redis. */
export class RedisIdentities implements SharedIdentities {
  readonly #redis: Redis
  readonly #prefix: string
  /** Redis's time, and when its answer was here: it was at least that then. */
  #time = { redisMs: 0, answeredMs: Number.NEGATIVE_INFINITY }

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis
    this.#prefix = `${prefix}identity:`
  }

  async get(did: string): Promise<(CacheEntry & { readonly found: Identity }) | undefined> {
    const askedMs = monotonicMs()
    try {
      const answer = (await this.#redis.eval(GET, 1, this.#prefix + did)) as [number, number?, string?]
      const [redisMs, ageMs, text] = answer
      this.#time = { redisMs, answeredMs: monotonicMs() }
      if (ageMs === undefined || text === undefined) return undefined
      // Reckoned from when Redis was asked: however long its answer took, the entry is at least so old.
      return { startedMs: askedMs - ageMs - SKEW_MS, found: decodeIdentity(text) }
    } catch {
      return undefined
    }
  }

  put({ found, startedMs }: CacheEntry & { readonly found: Identity }): void {
    const sinceMs = startedMs - this.#time.answeredMs
    if (sinceMs > TIME_GOOD_MS) return
    // Said as Redis's time, not as an age: Redis may be stuck, and take this late.
    const begins = Math.floor(this.#time.redisMs + sinceMs)
    this.#redis
      .eval(PUT, 1, this.#prefix + found.did, begins, encodeIdentity(found), KEEP_MS)
      .catch(() => undefined)
  }
}
