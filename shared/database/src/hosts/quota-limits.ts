import type { HostRow } from './host-rows.ts'

/** Events that one host may send (protocol.md H8); beyond it is read more slowly, nothing is dropped (G2). */
export interface QuotaLimits {
  readonly perSecond: number
  readonly perHour: number
  readonly perDay: number
  /** Of them such as are no commits: each costs every consumer a look at a document, or more (3.6). */
  readonly otherPerHour: number
  /** Frames that bring nothing: rejected, or of a type not known. They are cheap to send, so nobody sends them for nothing. */
  readonly uselessPerSecond: number
  /** Milliseconds of judging in a minute beyond what ordinary frames take. */
  readonly slowMsPerMinute: number
}

/** One event for each of so many bytes that a frame has begun: a large frame costs as its share of everything else does. */
const BYTES_PER_EVENT = 65_536
/** The same for what brings nothing: none of those has a reason to be large. */
const BYTES_PER_USELESS_FRAME = 8_192

/** The number of events that a frame counts as. */
export function eventsOf(bytes: number): number {
  return 1 + Math.floor(bytes / BYTES_PER_EVENT)
}

/** The number of useless frames that one counts as. */
export function uselessFramesOf(bytes: number): number {
  return 1 + Math.floor(bytes / BYTES_PER_USELESS_FRAME)
}

/** What of a host its limits follow from. */
export type LimitedHost = Pick<
  HostRow,
  'account_limit' | 'trusted' | 'events_per_second' | 'events_per_hour' | 'events_per_day'
>

const UNLIMITED: QuotaLimits = {
  perSecond: Number.POSITIVE_INFINITY,
  perHour: Number.POSITIVE_INFINITY,
  perDay: Number.POSITIVE_INFINITY,
  otherPerHour: Number.POSITIVE_INFINITY,
  uselessPerSecond: 1_000,
  slowMsPerMinute: 15_000,
}

/**
 * Limits of a host: by its trust and how many accounts it may have (H8), but where an operator has set one. On one's own
 * machine (`allowPrivate`) nobody is to be protected from what is of use: there only what an operator has set counts, and
 * what brings nothing or takes too long.
 */
export function quotaLimits(row: LimitedHost, allowPrivate: boolean): QuotaLimits {
  const accounts = Number(row.account_limit)
  const usual: QuotaLimits = allowPrivate
    ? UNLIMITED
    : Number(row.trusted) === 1
      ? {
          perSecond: 5_000,
          perHour: 50_000_000,
          perDay: 500_000_000,
          otherPerHour: 25_000_000,
          uselessPerSecond: 1_000,
          slowMsPerMinute: 15_000,
        }
      : {
          perSecond: 50 + accounts / 1_000,
          perHour: 2_500 + accounts,
          perDay: 20_000 + 10 * accounts,
          otherPerHour: 1_000 + accounts,
          uselessPerSecond: 50 + accounts / 1_000,
          slowMsPerMinute: 3_000,
        }
  const { events_per_second: second, events_per_hour: hour, events_per_day: day } = row
  return {
    perSecond: second === null ? usual.perSecond : Number(second),
    perHour: hour === null ? usual.perHour : Number(hour),
    perDay: day === null ? usual.perDay : Number(day),
    otherPerHour: hour === null ? usual.otherPerHour : Number(hour),
    uselessPerSecond: usual.uselessPerSecond,
    slowMsPerMinute: usual.slowMsPerMinute,
  }
}
