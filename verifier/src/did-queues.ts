import type { DidQueue, QueuedFrame, Yielding } from './did-queue.ts'
import { Holders } from './holders.ts'
import { HostShares } from './host-shares.ts'

/**
 * Beyond these a host's further frames of parked DIDs are rejected (invariant 13), unless the directory is down. Where frames
 * only pause, for a directory that answers but may be behind, or for our budget toward it, none is rejected: beyond them
 * pauses end.
 */
export const PARKED_BYTES_PER_HOST = 1024 * 1024
export const PARKED_DIDS_PER_HOST = 200
export const PARKED_MS = 5 * 60_000
/**
 * Bytes of frames in all queues together, whoever's they are: half of what may be on its way in `raw`, so that many hosts
 * that keep to their own budgets cannot fill it together. Beyond it the largest holder gives way, down to the share.
 */
export const QUEUES_BYTES = 8 * 1024 * 1024
const GIVE_WAY_SHARE = 0.75

/** All queues, and what each host has in those that are parked, and in those that pause. */
export class DidQueues {
  readonly #queues = new Map<string, DidQueue>()
  readonly #parked = new HostShares(PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST)
  readonly #paused = new HostShares(PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST)
  /** Of all entries in queues, those being worked off among them. */
  bytes = 0

  get size(): number {
    return this.#queues.size
  }

  /** Whether all queues together hold more than they should. */
  get isOverFull(): boolean {
    return this.bytes > QUEUES_BYTES
  }

  get parkedBytes(): number {
    return this.#parked.bytes
  }

  get parkedQueues(): number {
    return this.#parked.queues
  }

  get(did: string): DidQueue | undefined {
    return this.#queues.get(did)
  }

  open(did: string): DidQueue {
    const queue: DidQueue = {
      did,
      entries: [],
      current: undefined,
      pause: undefined,
      parkedSinceMs: undefined,
    }
    this.#queues.set(did, queue)
    return queue
  }

  close(queue: DidQueue): void {
    this.#queues.delete(queue.did)
  }

  /** Puts an entry in its place: a partition's offsets rise, and what comes back from a batch may be older. */
  insert(queue: DidQueue, entry: QueuedFrame): void {
    let at = queue.entries.length
    while (at > 0 && (queue.entries[at - 1] as QueuedFrame).raw.position > entry.raw.position) at--
    queue.entries.splice(at, 0, entry)
    this.bytes += entry.raw.value.frame.length
    this.#waitingIn(queue)?.count(entry, 1)
  }

  /** Takes the first entry out, to be worked off. */
  begin(queue: DidQueue): { readonly entry: QueuedFrame; readonly ended: AbortController } {
    const entry = queue.entries.shift() as QueuedFrame
    this.#waitingIn(queue)?.count(entry, -1)
    queue.current = { entry, ended: new AbortController() }
    return queue.current
  }

  /** The entry that `begin` took out has its outcome. */
  finish(queue: DidQueue): void {
    if (queue.current === undefined) return
    this.bytes -= queue.current.entry.raw.value.frame.length
    this.release(queue, queue.current.entry)
    queue.current = undefined
  }

  /** Ends all waiting for identities. */
  end(): void {
    for (const { current } of this.#queues.values()) current?.ended.abort()
  }

  /**
   * What has to give way where all queues together hold too much: the newest of the host that holds most of the
   * registrable domain that holds most, and so on. Takes those that wait out of their queues; of one that is being worked
   * off the wait is ended. `mayGiveWay` says what is waited for at its host's cost.
   */
  giveWay(mayGiveWay: (queue: DidQueue, host: string) => boolean): Yielding[] {
    if (!this.isOverFull) return []
    const holders = new Holders()
    for (const queue of this.#queues.values()) {
      const add = (entry: QueuedFrame) => {
        if (mayGiveWay(queue, entry.raw.value.host)) holders.add({ queue, entry })
      }
      if (queue.current?.ended.signal.aborted === false) add(queue.current.entry)
      queue.entries.forEach(add)
    }
    const yielding: Yielding[] = []
    for (let left = this.bytes; left > QUEUES_BYTES * GIVE_WAY_SHARE; ) {
      const one = holders.takeOfHeaviest()
      if (one === undefined) break
      left -= one.entry.raw.value.frame.length
      if (one.entry === one.queue.current?.entry) one.queue.current.ended.abort()
      else {
        this.#remove(one)
        yielding.push(one)
      }
    }
    return yielding
  }

  #remove({ queue, entry }: Yielding): void {
    queue.entries.splice(queue.entries.indexOf(entry), 1)
    this.bytes -= entry.raw.value.frame.length
    this.#waitingIn(queue)?.count(entry, -1)
  }

  /** Whether a host has as much in parked queues as it may. */
  isOverBudget(host: string): boolean {
    return this.#parked.isOver(host)
  }

  /** The queue's identity could not be had: its frames count against their hosts' budgets from here on. */
  park(queue: DidQueue, current: QueuedFrame, nowMs: number): void {
    if (queue.parkedSinceMs !== undefined) return
    this.release(queue, current)
    queue.parkedSinceMs = nowMs
    this.#parked.countQueue(current, queue.entries, 1)
  }

  /**
   * The entry that is worked off waits though the directory answers. The signal ends that pause, at once where the host has
   * as much of this as it may.
   */
  pause(queue: DidQueue, current: QueuedFrame): AbortSignal {
    const pause = new AbortController()
    if (queue.parkedSinceMs === undefined) {
      if (queue.pause === undefined) this.#paused.countQueue(current, queue.entries, 1)
      queue.pause = pause
    }
    if (this.#paused.isOver(current.raw.value.host)) pause.abort()
    return pause.signal
  }

  /** Ends the pause of this queue where the host has too much of that. */
  endPause({ pause }: DidQueue, host: string): void {
    if (pause !== undefined && this.#paused.isOver(host)) pause.abort()
  }

  /** It could be had after all, or was given up. */
  release(queue: DidQueue, current: QueuedFrame): void {
    this.#waitingIn(queue)?.countQueue(current, queue.entries, -1)
    queue.parkedSinceMs = undefined
    queue.pause = undefined
  }

  #waitingIn({ parkedSinceMs, pause }: DidQueue): HostShares | undefined {
    if (parkedSinceMs !== undefined) return this.#parked
    return pause === undefined ? undefined : this.#paused
  }
}
