import { httpGet } from '@bgs/runtime/net/http-get.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

const PROBE_EVERY_MS = 1_000
const PROBE_TIMEOUT_MS = 2_000
const MAX_BODY_BYTES = 64 * 1024
/** The directory is out of reach once nothing of it was heard for so long while it was asked. */
const PATIENCE_MS = 5_000

export interface DirectoryReachOptions {
  readonly plcUrl: string
  readonly userAgent: string
  /** Whether look-ups get no answer (`Identities.circuitOpen`), or another verifier stands still: only then it is asked. */
  readonly isDoubted: () => boolean
}

/**
 * Whether this process reaches the directory. Asked only while that is in doubt: its look-ups fail, or another verifier
 * stands still, and this one has to know whether it would be any better off.
 */
export class DirectoryReach {
  readonly name = 'directory'
  detail = ''
  readonly #options: DirectoryReachOptions
  readonly #now: () => number
  #reachedMs: number
  /** Since when it is asked in vain. */
  #vainSinceMs: number | undefined

  constructor(options: DirectoryReachOptions, now: () => number = monotonicMs) {
    this.#options = options
    this.#now = now
    this.#reachedMs = now()
  }

  get stillMs(): number {
    const ms = this.#vainSinceMs === undefined ? 0 : this.#now() - this.#vainSinceMs
    return ms > PATIENCE_MS ? ms : 0
  }

  get workedAgoMs(): number {
    return this.#now() - this.#reachedMs
  }

  /** Asks while there is doubt, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await wait(PROBE_EVERY_MS, signal)
    }
  }

  /** Asks it, where that is in doubt. */
  async look(): Promise<void> {
    const { plcUrl, userAgent, isDoubted } = this.#options
    if (this.#vainSinceMs === undefined && !isDoubted()) return
    const begunMs = this.#now()
    try {
      // Whatever it says, it was reached: what it has to say would be the same for others.
      await httpGet(new URL('/_health', plcUrl), {
        timeoutMs: PROBE_TIMEOUT_MS,
        maxBytes: MAX_BODY_BYTES,
        userAgent,
        trust: 'operator',
      })
      this.#reachedMs = begunMs
      this.#vainSinceMs = undefined
    } catch (error) {
      this.detail = `the directory cannot be reached: ${errorText(error)}`
      this.#vainSinceMs ??= begunMs
    }
  }
}
