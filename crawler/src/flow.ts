import { wait } from '@bgs/runtime/service/wait.ts'

/** Why a host is read no further for a while. */
export type PauseCause = 'quota' | 'space' | 'backlog' | 'host'

export interface FlowParts {
  /** A promise while no host may be read. */
  readonly gate: () => Promise<void> | undefined
  /** A promise while the topic has no room. */
  readonly room: () => Promise<void> | undefined
  /** Whether more than this share of what may be on its way of this host is. */
  readonly isFull: (share: number) => boolean
  readonly pause: (cause: PauseCause) => void
  readonly resume: () => void
}

/** Reading goes on when so much of the host's allowance is left again. */
const RESUME_SHARE = 0.75

/**
 * Stops reading one host while too much of it, or of all, is on its way (invariant 12, protocol.md H10, G2): its socket
 * then fills up, and the host waits.
 */
export class Flow {
  readonly #parts: FlowParts
  #paused: PauseCause | undefined
  #emptied: (() => void) | undefined
  /** What is left of a pause for the quota once the present part of it has ended. */
  #quotaMs = 0
  #quotaChange = new AbortController()

  constructor(parts: FlowParts) {
    this.#parts = parts
  }

  /** A connection was opened: it may have to wait where the one before it did. */
  begin(): void {
    if (this.#paused === undefined) this.check()
    else this.#parts.pause(this.#paused)
  }

  /** Looks whether reading may go on. Call after each frame. */
  check(): void {
    // Messages that the socket had read already still come; what they would wait for is looked at afterwards.
    if (this.#paused !== undefined) return
    const gate = this.#parts.gate()
    if (gate !== undefined) return this.#pauseUntil(gate, 'space')
    const room = this.#parts.room()
    if (room !== undefined) return this.#pauseUntil(room, 'backlog')
    if (!this.#parts.isFull(1)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#emptied = resolve
    this.#pauseUntil(promise, 'host')
  }

  /** Reads no further for so long. */
  pauseFor(ms: number): void {
    if (this.#paused === undefined) this.#pauseUntil(this.#sitOut(ms), 'quota')
  }

  /** The quota is another: a pause for the former one ends now, and goes on for so long. */
  changePause(ms: number): void {
    if (this.#paused !== 'quota') return
    this.#quotaMs = ms
    this.#quotaChange.abort()
  }

  async #sitOut(ms: number): Promise<void> {
    this.#quotaMs = ms
    while (this.#quotaMs > 0) {
      const pauseMs = this.#quotaMs
      this.#quotaMs = 0
      this.#quotaChange = new AbortController()
      await wait(pauseMs, this.#quotaChange.signal)
    }
  }

  /** Something that was on its way is done. */
  noteDone(): void {
    if (this.#emptied !== undefined && !this.#parts.isFull(RESUME_SHARE)) this.#emptied()
  }

  #pauseUntil(open: Promise<void>, cause: PauseCause): void {
    this.#paused = cause
    this.#parts.pause(cause)
    open.then(
      () => {
        this.#paused = undefined
        this.#emptied = undefined
        this.#parts.resume()
        this.check()
      },
      () => undefined,
    )
  }
}
