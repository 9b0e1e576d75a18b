import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { Redis } from 'ioredis'

/** Nothing that Redis holds is worth waiting for: without an answer in so long it is done without. */
const COMMAND_MS = 250
const CONNECT_MS = 3_000
const RETRY_MOST_MS = 1_000

/**
 * Nobody looks at the outcome of what the library sends by itself, as when it subscribes anew after a connection broke:
 * 1. Redis comes back, and the connection is ready. 2. The library sends SUBSCRIBE. 3. The connection ends before the answer.
 * A rejection without a handler would end the process. Returns the same connection.
 */
export function withHandlers(redis: Redis): Redis {
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    command.promise.catch(() => undefined)
    return send(command, stream)
  }
  return redis
}

/**
 * A connection to Redis. It holds what may be lost at any time; while it is away commands fail at once, and it is
 * tried again without end.
 */
export function openRedis(url: string, health: ServerHealth): Redis {
  const redis = withHandlers(
    new Redis(url, {
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_MS,
      commandTimeout: COMMAND_MS,
      retryStrategy: (times) => Math.min(RETRY_MOST_MS, 50 * times) * (0.5 + Math.random() / 2),
    }),
  )
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
