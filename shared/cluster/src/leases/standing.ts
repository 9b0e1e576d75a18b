/** What a role says of the work of its process. */
export interface Standing {
  /** Nothing gets through, by a cause that may be this process's alone. */
  readonly isStill: boolean
  /** How long ago work is known to have got through to all that it needs, in milliseconds. */
  readonly workedAgoMs: number
}

/** For a role whose work needs nothing that could be missing. */
export const ALWAYS_WORKS: Standing = { isStill: false, workedAgoMs: 0 }

/** A live member of a role as its row says, in milliseconds of the database's clock. */
export interface MemberSeen {
  readonly id: string
  /** Since when it stands still; 0: it does not. */
  readonly standstillMs: number
  /** Since when it lives and does not stand still, without a break. */
  readonly workingMs: number
  /** When work is known to have got through. */
  readonly workedMs: number
}

/**
 * Whether one member may take what belongs to another that stands still: it has worked for a whole lease, as with the
 * dead, and got work through after the other had come to a stand. What keeps everybody from working leaves nobody with
 * such proof: an outage of Kafka moves no lease. `mayTakeFrom` in membership.ts says
 * the same to the database.
 */
export function mayTakeOver(taker: MemberSeen, from: MemberSeen, nowMs: number, leaseMs: number): boolean {
  return (
    from.standstillMs > 0 &&
    taker.standstillMs === 0 &&
    taker.workingMs <= nowMs - leaseMs &&
    taker.workedMs >= from.standstillMs
  )
}

/** Ids of the members among which things are shared out: all but those that stand still while another may take over. */
export function sharers(members: readonly MemberSeen[], nowMs: number, leaseMs: number): Set<string> {
  const sharing = members.filter(
    (member) => !members.some((other) => mayTakeOver(other, member, nowMs, leaseMs)),
  )
  return new Set(sharing.map(({ id }) => id))
}
