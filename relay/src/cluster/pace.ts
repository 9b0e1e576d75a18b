import type { Settings } from '@bgs/runtime/service/settings.ts'

/** Shares of RELAY_LATENCY_MS that an event may wait at each topic: to be sent with others, to be fetched with others. */
const LINGER = 3
const PAUSE = 2

/** How long values wait for others on their way over a topic of Kafka, in milliseconds. */
export function paceOf({ RELAY_LATENCY_MS }: Settings): {
  readonly lingerMs: number
  readonly pauseMs: number
} {
  return { lingerMs: LINGER * RELAY_LATENCY_MS, pauseMs: PAUSE * RELAY_LATENCY_MS }
}
