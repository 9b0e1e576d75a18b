/**
 * What this relay's operator, or a quota, says of an account (protocol.md section 5). There are two throttles, one for
 * the host (G7, H8: it has as many accounts as it may) and one for the account's own conduct (3.6); each is released
 * when its own reason ends, and outside both are `throttled`.
 */
export type LocalStatus = 'active' | 'takendown' | 'suspended' | 'throttled' | 'throttled:conduct'

/** The throttle that the account's host is the reason of. */
export const HOST_THROTTLE = 'throttled' as const
/** The throttle for the account's own rate of events; the stored word stays. */
export const RATE_THROTTLE = 'throttled:conduct' as const

/**
 * What the account's PDS says: `active` or `inactive` (no reason given), a status string with active=false as it
 * came, or one of the two that may stand with active=true, written `active:desynchronized`, `active:throttled`.
 */
export type UpstreamStatus = string

/** The two statuses that are legal together with active=true (protocol.md section 5). */
const LEGAL_WHILE_ACTIVE = new Set(['desynchronized', 'throttled'])

/**
 * Status strings that are kept as they came: short, ASCII, and not to be taken for one of our own words. A host may
 * write anything, and what it writes goes into facts and rows.
 */
const KEPT = /^(?!active$|active:)[\x21-\x7e]{1,64}$/

/** A status that cannot be kept: it travels as this, so that the event is written anew without it. */
const NOT_KEPT = ''

/** What of a host's status travels between the stages: null for none, at most 64 characters of ASCII. */
export function keptStatus(status: string | null): string | null {
  return status === null || KEPT.test(status) ? status : NOT_KEPT
}

/** One word for what an #account event or a getRepoStatus answer says; a reason that cannot be kept is no reason. */
export function upstreamStatus(active: boolean, status: string | null): UpstreamStatus {
  if (!active) return status !== null && KEPT.test(status) ? status : 'inactive'
  return status !== null && LEGAL_WHILE_ACTIVE.has(status) ? `active:${status}` : 'active'
}

export interface EffectiveStatus {
  readonly active: boolean
  /** The status string as shown on the wire; null: none. */
  readonly status: string | null
}

/** Rule E1: a local status other than active wins, else what the PDS says. */
export function effectiveStatus(local: LocalStatus, upstream: UpstreamStatus): EffectiveStatus {
  if (local === RATE_THROTTLE) return { active: false, status: 'throttled' }
  if (local !== 'active') return { active: false, status: local }
  if (upstream === 'active') return { active: true, status: null }
  if (upstream.startsWith('active:')) return { active: true, status: upstream.slice('active:'.length) }
  return { active: false, status: upstream === 'inactive' ? null : upstream }
}
