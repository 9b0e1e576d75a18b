import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import { heartbeatEnvelope, type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import { HEARTBEAT_MS } from '@bgs/runtime/service/heartbeat.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { InFlight } from './cursor-tracker.ts'

/**
 * Says a heartbeat through each partition of `raw` until `signal` is aborted, by the very way that frames of hosts take:
 * where there is no room for theirs there is none for it, and one is on its way in a partition at most.
 */
export async function sendRawHeartbeats(
  raw: BusProducer<RawEnvelope, InFlight>,
  partitions: number,
  signal: AbortSignal,
  everyMs = HEARTBEAT_MS,
): Promise<void> {
  const isUnderWay = new Array<boolean>(partitions).fill(false)
  while (!signal.aborted) {
    for (let partition = 0; partition < partitions; partition++) {
      if (isUnderWay[partition] || raw.room() !== undefined) continue
      isUnderWay[partition] = true
      const beat = heartbeatEnvelope(Date.now())
      const finish = () => {
        isUnderWay[partition] = false
      }
      raw.publish(partition, beat, rawBytes(beat), { tracker: { finish }, seq: 0, bytes: 0, done: false })
    }
    await wait(everyMs, signal)
  }
}
