import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** What a host's frames have cost beyond what its events are counted for. */
export interface HostCharge {
  readonly host: string
  /** Frames that were rejected. */
  readonly refused: number
  /** Milliseconds of judging beyond those of ordinary frames. */
  readonly slowMs: number
}

const SEND_EVERY_MS = 500
/** Hosts noted between two sends; what more of them cost is not charged. */
const MAX_HOSTS = 10_000

/** Collects what is charged to hosts, for whoever reads them to read them more slowly (protocol.md G2, G6). */
export class Charges {
  readonly #send: (charge: HostCharge) => void
  readonly #noted = new Map<string, { refused: number; slowMs: number }>()
  #sentMs = 0

  /** `send` is called for each host at most twice a second; it must return at once. */
  constructor(send: (charge: HostCharge) => void) {
    this.#send = send
  }

  note(host: string, refused: number, slowMs: number): void {
    const noted = this.#noted.get(host)
    if (noted !== undefined) {
      noted.refused += refused
      noted.slowMs += slowMs
    } else if (this.#noted.size < MAX_HOSTS) this.#noted.set(host, { refused, slowMs })
  }

  /** Sends what was noted, if it is time to. Call now and then. */
  flush(): void {
    if (this.#noted.size === 0 || monotonicMs() - this.#sentMs < SEND_EVERY_MS) return
    this.#sentMs = monotonicMs()
    for (const [host, { refused, slowMs }] of this.#noted) this.#send({ host, refused, slowMs })
    this.#noted.clear()
  }
}
