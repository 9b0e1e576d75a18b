import type { Log } from '@bgs/contract/log/log.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { LogWriter } from './log-writer.ts'
import type { SequencerMetrics } from './metrics.ts'
import type { Pulse } from './pulse.ts'
import type { State } from './state/state.ts'
import type { View } from './view.ts'

/** How often segments beyond the window are looked for. */
const TRIM_EVERY_MS = 5_000

export interface UpkeepParts {
  readonly log: Log
  readonly writer: LogWriter
  readonly state: State
  readonly view: View
  readonly pulse: Pulse
  readonly metrics: SequencerMetrics
  readonly logger: Logger
  /** The time of day. */
  readonly now: () => number
}

/** What is done between two batches: the view is written, input positions are, the log is trimmed, gauges are set. */
export class Upkeep {
  readonly #parts: UpkeepParts
  #viewSeen: number
  /** Entries appended by this process up to where the view is being written, and to where it is. */
  #flushing = 0
  #written = 0
  #trimmedMs = Number.NEGATIVE_INFINITY
  #trimming: Promise<void> | undefined

  constructor(parts: UpkeepParts) {
    this.#parts = parts
    this.#viewSeen = parts.view.position
  }

  /** After each batch; `waiting` envelopes are still to be appended. Throws where the view could not be written. */
  async step(waiting: number): Promise<void> {
    const { view, state, metrics, writer, pulse, now } = this.#parts
    if (view.mustWait) await view.settled()
    if (view.position !== this.#viewSeen) {
      pulse.view = monotonicMs()
      // Of the batch that was under way: the next one is begun below.
      this.#written = this.#flushing
    }
    this.#viewSeen = view.position
    if (view.due(writer.position)) {
      this.#flushing = writer.appended
      // Not awaited: settled() and due() report its failure.
      view.flush(writer.position, now()).catch(() => undefined)
    }
    metrics.viewPosition.set(view.position)
    metrics.waiting.set(waiting)
    metrics.dirtyAccounts.set(state.dirtyAccounts)
    metrics.viewLag.set(writer.appended - this.#written)
    metrics.cachedAccounts.set(state.cachedAccounts)
    metrics.accountLoads.inc({ result: 'hit' }, state.loads.hits)
    metrics.accountLoads.inc({ result: 'miss' }, state.loads.misses)
    state.loads.hits = 0
    state.loads.misses = 0
    if (writer.isPositionsDue) await writer.savePositions()
    if (monotonicMs() - this.#trimmedMs >= TRIM_EVERY_MS) {
      this.#trimmedMs = monotonicMs()
      this.#trimming ??= this.#trim()
    }
  }

  /** The end: the view is written up to the last entry. */
  async finish(): Promise<void> {
    const { view, writer, now } = this.#parts
    await this.#trimming
    await view.settled()
    if (writer.position > view.position) await view.flush(writer.position, now())
  }

  /** Beside the loop: whatever it takes, events are appended meanwhile. What could not be trimmed is the next time. */
  async #trim(): Promise<void> {
    const { log, view, metrics, logger } = this.#parts
    try {
      await log.trim(view.position)
    } catch (error) {
      metrics.trimFailures.inc()
      logger.warn({ err: error }, 'the log could not be trimmed to its window: it grows until it can be')
    } finally {
      this.#trimming = undefined
    }
  }
}
