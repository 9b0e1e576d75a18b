import type { Serving } from '@bgs/fanout/serve/serving.ts'
import { type HeartbeatAges, stalledText, stuckText } from '@bgs/runtime/service/heartbeat.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { Sequencer } from '@bgs/sequencer/sequencer.ts'
import type { DiskGate } from '../disk-gate.ts'

/** What /readyz, /livez and a heartbeat's gauges ask of an embedded relay. */
export class EmbeddedHealth {
  isStopping = false
  /** Threads that serve ask whether all is well while they are begun: there is none until then. */
  served: Pick<Serving, 'lastReceivedMs'> | undefined
  readonly #sequencer: Pick<Sequencer, 'heartbeatAges'>
  readonly #gate: Pick<DiskGate, 'closed'>

  constructor(sequencer: Pick<Sequencer, 'heartbeatAges'>, gate: Pick<DiskGate, 'closed'>) {
    this.#sequencer = sequencer
    this.#gate = gate
  }

  readonly heartbeatAges = (): HeartbeatAges => ({
    ...this.#sequencer.heartbeatAges,
    fanout: this.served && monotonicMs() - this.served.lastReceivedMs,
  })

  readonly notReady = (): string | undefined =>
    this.isStopping ? 'stopping' : stalledText(this.heartbeatAges())

  /** What waits for the disk is not helped by a restart; nor is a host that is silent, so `raw` says nothing here. */
  readonly restartCouldHelp = (): string | undefined => {
    const { control, log, view } = this.#sequencer.heartbeatAges
    const isWaiting = this.isStopping || this.#gate.closed() !== undefined
    return isWaiting ? undefined : stuckText({ control, log, view })
  }
}
