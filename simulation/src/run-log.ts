import { type Logger, pino } from 'pino'
import type { Scheduler } from './world/scheduler.ts'

/** Lines kept of what the product says, and of what happened. */
const KEPT = 2_000
/** Where more goes wrong, one cause goes wrong again and again. */
const MOST_VIOLATIONS = 1_000
/** Of what is said at this level only refusals are kept. */
const DEBUG = '{"level":20'
const REFUSED = 'frame refused'
const GIVEN_UP = /"did":"(did:[^"]+)".*"reason":"identity-unavailable"/

/** Something that an invariant forbids. */
export interface Violation {
  readonly what: string
  readonly atMs: number
  readonly step: number
}

/** What happened in a run, for whoever has to understand a failure. */
export class RunLog {
  readonly violations: Violation[] = []
  /**
   * Hears of a DID of which a frame was refused because its identity could not be had. With few accounts nobody can tell a
   * directory that fails from an account that does, and such an account has a budget (invariant 13): that is no loss.
   */
  onGivenUp: (did: string) => void = () => undefined
  readonly logger: Logger
  readonly #scheduler: Scheduler
  readonly #lines: string[] = []

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    const write = (line: string) => {
      if (!line.startsWith(DEBUG) || line.includes(REFUSED)) this.#keep(`  ${shortened(line)}`)
      const givenUp = GIVEN_UP.exec(line)?.[1]
      if (givenUp !== undefined) this.onGivenUp(givenUp)
    }
    this.logger = pino({ level: 'debug', base: null, timestamp: false }, { write }) as unknown as Logger
  }

  /** A fault, or anything else that is done to the product. */
  note(text: string): void {
    this.#keep(text)
  }

  violation(what: string, error?: unknown): void {
    const text = error === undefined ? what : `${what}: ${(error as Error)?.stack ?? String(error)}`
    if (this.violations.length < MOST_VIOLATIONS)
      this.violations.push({ what: text, atMs: this.#scheduler.nowMs, step: this.#scheduler.steps })
    this.#keep(`VIOLATION ${text}`)
  }

  get history(): readonly string[] {
    return this.#lines
  }

  #keep(text: string): void {
    this.#lines.push(`${(this.#scheduler.nowMs / 1_000).toFixed(3).padStart(10)} s ${text}`)
    if (this.#lines.length > KEPT) this.#lines.shift()
  }
}

function shortened(line: string): string {
  return line.trim().slice(0, 400)
}
