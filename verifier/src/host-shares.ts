import type { QueuedFrame } from './did-queue.ts'

interface Share {
  bytes: number
  dids: number
}

/** What hosts have of frames and DIDs that wait for one kind of reason, against a bound for each host. */
export class HostShares {
  readonly #shares = new Map<string, Share>()
  readonly #maxBytes: number
  readonly #maxDids: number
  bytes = 0
  queues = 0

  constructor(maxBytes: number, maxDids: number) {
    this.#maxBytes = maxBytes
    this.#maxDids = maxDids
  }

  /** Whether a host has more than it may. */
  isOver(host: string): boolean {
    const share = this.#shares.get(host)
    return share !== undefined && (share.bytes > this.#maxBytes || share.dids > this.#maxDids)
  }

  /** A queue begins to wait (1), or no longer does (-1), with the entry that is worked off and those behind it. */
  countQueue(current: QueuedFrame, entries: readonly QueuedFrame[], sign: 1 | -1): void {
    this.queues += sign
    const { host } = current.raw.value
    this.#of(host).dids += sign
    for (const entry of [current, ...entries]) this.count(entry, sign)
  }

  /** One more entry in a queue that waits, or one less. */
  count({ raw }: QueuedFrame, sign: 1 | -1): void {
    const { host, frame } = raw.value
    this.bytes += sign * frame.length
    const share = this.#of(host)
    share.bytes += sign * frame.length
    if (share.bytes === 0 && share.dids === 0) this.#shares.delete(host)
  }

  #of(host: string): Share {
    let share = this.#shares.get(host)
    if (share === undefined) {
      share = { bytes: 0, dids: 0 }
      this.#shares.set(host, share)
    }
    return share
  }
}
