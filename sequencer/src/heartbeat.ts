import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { HEARTBEAT_MS } from '@bgs/runtime/service/heartbeat.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

const MESSAGE_BYTES = 64

/**
 * Says a heartbeat through control, until `signal` is aborted: it becomes an entry of the log that nobody is sent, and
 * what passes the log on, the view, mirrors, and the threads that serve, note when anything last reached them. So a
 * network in which nobody says anything can be told from a way that is blocked while all sockets look healthy. An entry
 * is some 80 bytes, 700 KB a day: a decision without an entry would leave out the disk, or Kafka, and all behind it.
 */
export async function sendHeartbeats(
  control: BusProducer<ControlMessage, () => void>,
  signal: AbortSignal,
  everyMs = HEARTBEAT_MS,
): Promise<void> {
  // Never more than one on its way: where it does not get through, that is what is to be seen.
  let isUnderWay = false
  while (!signal.aborted) {
    await wait(everyMs, signal)
    if (isUnderWay || signal.aborted) continue
    isUnderWay = true
    control.publish(0, { kind: 'heartbeat' }, MESSAGE_BYTES, () => {
      isUnderWay = false
    })
  }
}
