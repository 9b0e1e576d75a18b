import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** When something last came through each part of the way. */
export class Pulse {
  control: number
  log: number
  view: number
  readonly #partitions: number
  /** When a heartbeat last came through raw and the judges, by partition; undefined: none has come yet. */
  #raw: number[] | undefined

  /** `partitions` of raw. */
  constructor(partitions: number) {
    const nowMs = monotonicMs()
    this.control = nowMs
    this.log = nowMs
    this.view = nowMs
    this.#partitions = partitions
  }

  noteRaw(partition: number): void {
    this.#raw ??= new Array<number>(this.#partitions).fill(monotonicMs())
    this.#raw[partition] = monotonicMs()
  }

  /**
   * How long ago a heartbeat came through raw and the judges, through that partition where it is longest ago, and one from
   * control; something was appended to the log, and the view was written. In milliseconds.
   */
  get ages(): { readonly [stage in 'control' | 'log' | 'view']: number } & { readonly raw?: number } {
    const nowMs = monotonicMs()
    const ages = { control: nowMs - this.control, log: nowMs - this.log, view: nowMs - this.view }
    // Crawlers of before say none.
    return this.#raw === undefined ? ages : { raw: nowMs - Math.min(...this.#raw), ...ages }
  }
}
