import { countLost } from './log-counts.ts'
import { monotonicMs } from './monotonic.ts'

/** Lines of one kind in a second, and of all kinds together. */
const MAX_OF_KIND = 50
const MAX_OF_ALL = 2_000
const WINDOW_MS = 1_000
/** Kinds that are told apart within a second; a message that holds a name is a kind for each. */
const MAX_KINDS = 500
const KIND_CHARS = 120

/** How many lines of a kind were left out in a second. */
export interface LeftOut {
  readonly level: number
  /** The message, or its beginning; empty where many kinds are counted as one. */
  readonly message: string
  readonly lines: number
}

interface Kind {
  readonly level: number
  readonly message: string
  count: number
  leftOut: number
}

/**
 * How often the same thing may be said (invariant 12): a thing that happens a thousand times a second is known after the
 * first few. Kinds are told apart by level and message.
 */
export class LogRate {
  readonly #onLeftOut: (leftOut: LeftOut) => void
  readonly #kinds = new Map<string, Kind>()
  #count = 0
  #beganMs = monotonicMs()
  #reporting: NodeJS.Timeout | undefined

  /** `onLeftOut` hears of each kind of which lines were left out, once a second. */
  constructor(onLeftOut: (leftOut: LeftOut) => void) {
    this.#onLeftOut = onLeftOut
  }

  /** Whether a line may be written. */
  take(level: number, message: string): boolean {
    if (monotonicMs() - this.#beganMs >= WINDOW_MS) this.#begin()
    const kind = this.#kindOf(level, message)
    if (kind.count < MAX_OF_KIND && this.#count < MAX_OF_ALL) {
      kind.count++
      this.#count++
      return true
    }
    kind.leftOut++
    countLost('rate', 1)
    this.#reporting ??= setTimeout(() => this.#begin(), WINDOW_MS).unref()
    return false
  }

  /** Tells what was left out up to now. */
  end(): void {
    this.#begin()
  }

  #kindOf(level: number, message: string): Kind {
    let text = message.slice(0, KIND_CHARS)
    let key = `${level} ${text}`
    let kind = this.#kinds.get(key)
    if (kind === undefined && this.#kinds.size >= MAX_KINDS) {
      text = ''
      key = String(level)
      kind = this.#kinds.get(key)
    }
    if (kind !== undefined) return kind
    const begun = { level, message: text, count: 0, leftOut: 0 }
    this.#kinds.set(key, begun)
    return begun
  }

  #begin(): void {
    clearTimeout(this.#reporting)
    this.#reporting = undefined
    const over = [...this.#kinds.values()].filter(({ leftOut }) => leftOut > 0)
    this.#kinds.clear()
    this.#count = 0
    this.#beganMs = monotonicMs()
    for (const { level, message, leftOut } of over) this.#onLeftOut({ level, message, lines: leftOut })
  }
}
