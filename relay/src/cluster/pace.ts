import type { Settings } from '@bgs/runtime/service/settings.ts'

/**
 * Shares of RELAY_LATENCY_MS that an event may wait for others in a cluster: in the crawler, which makes the beat; after
 * each fetch of `raw` and `verified`, so that many crawlers and verifiers make no more beats; in the verifier, for what came
 * with the same beat.
 */
const BEAT = 8
const PAUSE = 4
const SAME_BEAT = 0.5

/** How long values wait for others on their way over the topics of Kafka, in milliseconds. */
export function paceOf({ RELAY_LATENCY_MS }: Settings): {
  readonly rawLingerMs: number
  readonly verifiedLingerMs: number
  readonly pauseMs: number
} {
  return {
    rawLingerMs: BEAT * RELAY_LATENCY_MS,
    verifiedLingerMs: SAME_BEAT * RELAY_LATENCY_MS,
    pauseMs: PAUSE * RELAY_LATENCY_MS,
  }
}
