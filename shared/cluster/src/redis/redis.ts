import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { Redis } from 'ioredis'

/** Nothing that Redis holds is worth waiting for: without an answer in so long it is done without. */
const COMMAND_MS = 250
const CONNECT_MS = 3_000
const RETRY_MOST_MS = 1_000

/**
 * A connection to Redis. It holds what may be lost at any time; while it is away commands fail at once, and it is
 * tried again without end.
 */
export function openRedis(url: string, health: ServerHealth): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    retryStrategy: (times) => Math.min(RETRY_MOST_MS, 50 * times) * (0.5 + Math.random() / 2),
  })
  redis.on('ready', health.ok)
  // The text alone: the library hangs the command on its error, password and all.
  redis.on('error', (error: Error) => health.failed(errorText(error)))
  redis.on('end', () => health.failed(new Error('the connection ended')))
  return redis
}

/** Asks for a sign of life now and then, so that a Redis that is paused is noticed, too. */
export async function pingRedis(redis: Redis, health: ServerHealth): Promise<void> {
  try {
    await redis.ping()
    health.ok()
  } catch (error) {
    health.failed(errorText(error))
  }
}
