import { Holders } from './holders.ts'
import { HostShares } from './host-shares.ts'
import type { Lane, LaneEntry, Yielding } from './lane.ts'

/**
 * Beyond these a host's further frames of parked DIDs are refused (invariant 13), unless the directory is down. Where frames
 * only pause, for a directory that answers but may be behind, or for our budget toward it, none is refused: beyond them
 * pauses end.
 */
export const PARKED_BYTES_PER_HOST = 1024 * 1024
export const PARKED_DIDS_PER_HOST = 200
export const PARKED_MS = 5 * 60_000
/**
 * Bytes of frames in all lanes together, whoever's they are: half of what may be on its way in `raw`, so that many hosts
 * that keep to their own budgets cannot fill it together. Beyond it the largest holder gives way, down to the share.
 */
export const LANES_BYTES = 8 * 1024 * 1024
const GIVE_WAY_SHARE = 0.75

/** All lanes, and what each host has in those that are parked, and in those that pause. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #parked = new HostShares(PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST)
  readonly #paused = new HostShares(PARKED_BYTES_PER_HOST, PARKED_DIDS_PER_HOST)
  /** Of all entries in lanes, those being worked off among them. */
  bytes = 0

  get size(): number {
    return this.#lanes.size
  }

  get parkedBytes(): number {
    return this.#parked.bytes
  }

  get parkedQueues(): number {
    return this.#parked.lanes
  }

  get(did: string): Lane | undefined {
    return this.#lanes.get(did)
  }

  open(did: string): Lane {
    const lane: Lane = { did, entries: [], current: undefined, pause: undefined, parkedSinceMs: undefined }
    this.#lanes.set(did, lane)
    return lane
  }

  close(lane: Lane): void {
    this.#lanes.delete(lane.did)
  }

  /** Puts an entry in its place: a partition's offsets rise, and what comes back from a batch may be older. */
  insert(lane: Lane, entry: LaneEntry): void {
    let at = lane.entries.length
    while (at > 0 && (lane.entries[at - 1] as LaneEntry).raw.position > entry.raw.position) at--
    lane.entries.splice(at, 0, entry)
    this.bytes += entry.raw.value.frame.length
    this.#waitingIn(lane)?.count(entry, 1)
  }

  /** Takes the first entry out, to be worked off. */
  begin(lane: Lane): { readonly entry: LaneEntry; readonly ended: AbortController } {
    const entry = lane.entries.shift() as LaneEntry
    this.#waitingIn(lane)?.count(entry, -1)
    lane.current = { entry, ended: new AbortController() }
    return lane.current
  }

  /** The entry that `begin` took out has its outcome. */
  finish(lane: Lane): void {
    if (lane.current === undefined) return
    this.bytes -= lane.current.entry.raw.value.frame.length
    this.release(lane, lane.current.entry)
    lane.current = undefined
  }

  /** Ends all waiting for identities. */
  end(): void {
    for (const { current } of this.#lanes.values()) current?.ended.abort()
  }

  /**
   * What has to give way where all lanes together hold too much: the newest of the host that holds most of the
   * registrable domain that holds most, and so on. Takes those that wait out of their lanes; of one that is being worked
   * off the wait is ended. `mayGiveWay` says which DIDs are waited for at their host's cost.
   */
  giveWay(mayGiveWay: (did: string) => boolean): Yielding[] {
    if (this.bytes <= LANES_BYTES) return []
    const holders = new Holders()
    for (const lane of this.#lanes.values()) {
      if (!mayGiveWay(lane.did)) continue
      if (lane.current?.ended.signal.aborted === false) holders.add({ lane, entry: lane.current.entry })
      for (const entry of lane.entries) holders.add({ lane, entry })
    }
    const yielding: Yielding[] = []
    for (let left = this.bytes; left > LANES_BYTES * GIVE_WAY_SHARE; ) {
      const one = holders.takeOfHeaviest()
      if (one === undefined) break
      left -= one.entry.raw.value.frame.length
      if (one.entry === one.lane.current?.entry) one.lane.current.ended.abort()
      else {
        this.#remove(one)
        yielding.push(one)
      }
    }
    return yielding
  }

  #remove({ lane, entry }: Yielding): void {
    lane.entries.splice(lane.entries.indexOf(entry), 1)
    this.bytes -= entry.raw.value.frame.length
    this.#waitingIn(lane)?.count(entry, -1)
  }

  /** Whether a host has as much in parked lanes as it may. */
  isOverBudget(host: string): boolean {
    return this.#parked.isOver(host)
  }

  /** The lane's identity could not be had: its frames count against their hosts' budgets from here on. */
  park(lane: Lane, current: LaneEntry, nowMs: number): void {
    if (lane.parkedSinceMs !== undefined) return
    this.release(lane, current)
    lane.parkedSinceMs = nowMs
    this.#parked.countLane(current, lane.entries, 1)
  }

  /**
   * The entry that is worked off waits though the directory answers. The signal ends that pause, at once where the host has
   * as much of this as it may.
   */
  pause(lane: Lane, current: LaneEntry): AbortSignal {
    const pause = new AbortController()
    if (lane.parkedSinceMs === undefined) {
      if (lane.pause === undefined) this.#paused.countLane(current, lane.entries, 1)
      lane.pause = pause
    }
    if (this.#paused.isOver(current.raw.value.host)) pause.abort()
    return pause.signal
  }

  /** Ends the pause of this lane where the host has too much of that. */
  endPause({ pause }: Lane, host: string): void {
    if (pause !== undefined && this.#paused.isOver(host)) pause.abort()
  }

  /** It could be had after all, or was given up. */
  release(lane: Lane, current: LaneEntry): void {
    this.#waitingIn(lane)?.countLane(current, lane.entries, -1)
    lane.parkedSinceMs = undefined
    lane.pause = undefined
  }

  #waitingIn({ parkedSinceMs, pause }: Lane): HostShares | undefined {
    if (parkedSinceMs !== undefined) return this.#parked
    return pause === undefined ? undefined : this.#paused
  }
}
