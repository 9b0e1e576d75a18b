import type { LogReader } from '@bgs/shared/log/log.ts'

/** Looked at so often, and reckoned over so many looks. */
const LOOK_EVERY_MS = 5_000
const LOOKS = 12

/** How many events a second the log has grown by of late. */
export class HeadRate {
  readonly #log: Pick<LogReader, 'bounds'>
  readonly #seen: { next: number; atMs: number }[] = []
  readonly #timer: NodeJS.Timeout

  constructor(log: Pick<LogReader, 'bounds'>) {
    this.#log = log
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  /** Over the last minute; with one figure behind the point. */
  readonly perSecond = (): number => {
    const [oldest] = this.#seen
    if (oldest === undefined) return 0
    const ms = Math.max(1_000, performance.now() - oldest.atMs)
    return Math.round(((this.#log.bounds().next - oldest.next) / ms) * 10_000) / 10
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#seen.push({ next: this.#log.bounds().next, atMs: performance.now() })
    if (this.#seen.length > LOOKS) this.#seen.shift()
  }
}
