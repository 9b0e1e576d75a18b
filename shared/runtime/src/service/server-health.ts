import { errorText } from './error-text.ts'
import type { Logger } from './logger.ts'
import { monotonicMs } from './monotonic.ts'

/** A server that fails for less than this is not worth a word: a connection moved, a leader changed. */
const WORTH_A_WORD_MS = 1_000

const ANSWERS = { well: 'answers again', ill: 'does not answer' }

/**
 * Whether a server that this process leans on answers: said in the log when it changes, and in /readyz while it does
 * not. Whoever talks to the server reports here.
 */
export class ServerHealth {
  readonly name: string
  /** How often it was away for so long that it was worth a word. */
  outages = 0
  readonly #logger: Logger
  readonly #now: () => number
  readonly #words: typeof ANSWERS
  #failingSinceMs: number | undefined
  #error = ''
  #isLogged = false

  constructor(name: string, logger: Logger, now: () => number = monotonicMs, words = ANSWERS) {
    this.name = name
    this.#logger = logger
    this.#now = now
    this.#words = words
  }

  /** It answered. */
  readonly ok = (): void => {
    if (this.#failingSinceMs === undefined) return
    const ms = this.#now() - this.#failingSinceMs
    this.#failingSinceMs = undefined
    if (this.#isLogged)
      this.#logger.info({ server: this.name, awayMs: ms }, `${this.name} ${this.#words.well}`)
    this.#isLogged = false
  }

  /** It did not, or refused. */
  readonly failed = (error: unknown): void => {
    this.#failingSinceMs ??= this.#now()
    this.#error = errorText(error)
    if (this.#isLogged || this.#now() - this.#failingSinceMs < WORTH_A_WORD_MS) return
    this.#isLogged = true
    this.outages++
    this.#logger.warn(
      { server: this.name, err: error },
      `${this.name} ${this.#words.ill}: waiting for it, nothing is lost`,
    )
  }

  /** For how long it has not answered, in seconds; 0: it answers. */
  get awaySeconds(): number {
    return this.#failingSinceMs === undefined ? 0 : (this.#now() - this.#failingSinceMs) / 1_000
  }

  /** Why the process is not ready, as far as this server goes; undefined while it answers. */
  get trouble(): string | undefined {
    if (this.#failingSinceMs === undefined) return undefined
    const ms = this.#now() - this.#failingSinceMs
    if (ms < WORTH_A_WORD_MS) return undefined
    return `${this.name} ${this.#words.ill} for ${Math.round(ms / 1_000)} s: ${this.#error}`
  }
}
