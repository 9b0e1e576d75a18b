import type { Database } from '@bgs/contract/database.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { WebhookMetrics } from './metrics.ts'

const LOOK_EVERY_MS = 30_000
/** A host that stays at its limit is told of once in so long. */
const AGAIN_MS = 24 * 3_600_000
const TIMEOUT_MS = 5_000
/** Pauses between the attempts to tell of one host; after the last it is given up until its next turn. */
const RETRY_MS: readonly number[] = [1_000, 5_000, 30_000]

const FULL = `SELECT hostname, account_count, account_limit, throttled_count FROM hosts
  WHERE account_count - throttled_count >= account_limit AND banned = 0 ORDER BY hostname`

type FullHost = Record<'account_count' | 'account_limit' | 'throttled_count', number> & {
  readonly hostname: string
}

/** What is posted as JSON. */
export interface AccountLimitMessage {
  readonly kind: 'account-limit'
  readonly host: string
  readonly accounts: number
  readonly limit: number
  readonly throttled: number
  readonly atMs: number
}

export interface WebhookParts {
  readonly database: Database
  /** RELAY_WEBHOOK_URL; never in the log, for it may hold a secret. */
  readonly url: string
  readonly metrics: WebhookMetrics
  readonly logger: Logger
  readonly now: () => number
  readonly retryMs?: readonly number[]
}

/**
 * Tells a webhook of each host that reaches its limit of accounts (protocol.md H8), and once a day while it stays there.
 * What it has told is in memory alone. Hosts that are full at the first look were told of by the process before it, most
 * likely: they have their turn a day later, so that restarts do not repeat all of them.
 */
export class AccountLimitWebhook {
  readonly #parts: WebhookParts
  readonly #postedMs = new Map<string, number>()
  #hasLooked = false

  constructor(parts: WebhookParts) {
    this.#parts = parts
  }

  /** Looks now and then until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal)
      await wait(LOOK_EVERY_MS, signal)
    }
  }

  /** Looks once, and resolves when all that is new was told or given up. */
  async look(signal: AbortSignal): Promise<void> {
    const { database, now } = this.#parts
    const full = await database.query<FullHost>(FULL)
    const isFirst = !this.#hasLooked
    this.#hasLooked = true
    for (const [host, atMs] of this.#postedMs) if (now() - atMs >= AGAIN_MS) this.#postedMs.delete(host)
    for (const row of full) {
      if (signal.aborted) return
      if (this.#postedMs.has(row.hostname)) continue
      // Before it is told: however that ends, its next turn is in a day.
      this.#postedMs.set(row.hostname, now())
      if (!isFirst) await this.#notify(row, signal)
    }
  }

  async #notify(row: FullHost, signal: AbortSignal): Promise<void> {
    const { logger, metrics, now, retryMs = RETRY_MS } = this.#parts
    const message: AccountLimitMessage = {
      kind: 'account-limit',
      host: row.hostname,
      accounts: Number(row.account_count),
      limit: Number(row.account_limit),
      throttled: Number(row.throttled_count),
      atMs: now(),
    }
    for (let attempt = 0; !signal.aborted; attempt++) {
      const failure = await this.#post(message, signal)
      metrics.calls.inc({ result: failure === undefined ? 'delivered' : 'failed' })
      if (failure === undefined) return
      const pauseMs = retryMs[attempt]
      if (pauseMs === undefined) {
        metrics.calls.inc({ result: 'given-up' })
        logger.warn(
          { host: row.hostname, failure },
          'a host reached its limit of accounts, but the webhook did not take the message: given up',
        )
        return
      }
      await wait(pauseMs, signal)
    }
  }

  /** Undefined: it was taken; else why not. */
  async #post(message: AccountLimitMessage, signal: AbortSignal): Promise<string | undefined> {
    try {
      const response = await fetch(this.#parts.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(message),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.ok ? undefined : `HTTP ${response.status}`
    } catch (error) {
      // Its message may repeat the URL.
      const { code = (error as Error).name } = ((error as Error).cause ?? {}) as { code?: string }
      return code
    }
  }
}
