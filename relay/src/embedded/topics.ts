import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/** Frames on their way in memory: `raw` until they are durable, of those `verified` what was judged. */
const RAW_BYTES = 16 * 1024 * 1024
/**
 * Of `raw` what no verifier has taken yet: in a flood more would only grow old in memory. Frames that wait for an identity
 * were taken, and stop no others (invariant 13).
 */
const QUEUED_BYTES = 2 * 1024 * 1024
const VERIFIED_BYTES = 4 * 1024 * 1024
const CONTROL_BYTES = 4 * 1024 * 1024

export type Topics = {
  readonly raw: MemoryTopic<RawEnvelope>
  readonly verified: MemoryTopic<VerifiedEnvelope>
  readonly control: MemoryTopic<ControlMessage>
}

/** The bus between the stages of one process; `generation` is one that no earlier process used. */
export function openTopics(settings: Settings, generation: number): Topics {
  const topic = { generation, partitions: settings.RELAY_RAW_PARTITIONS }
  return {
    raw: new MemoryTopic({
      ...topic,
      maxBytes: Math.min(RAW_BYTES, settings.RELAY_BACKLOG_BYTES),
      maxQueuedBytes: QUEUED_BYTES,
      // The one place where an event waits for others: what follows takes them together, down to the subscribers.
      lingerMs: 2 * settings.RELAY_LATENCY_MS,
    }),
    verified: new MemoryTopic({ ...topic, maxBytes: VERIFIED_BYTES }),
    control: new MemoryTopic({ ...topic, partitions: 1, maxBytes: CONTROL_BYTES }),
  }
}
