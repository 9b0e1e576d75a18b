import type { HostRow, HostStatus } from '@bgs/database/hosts/host-rows.ts'
import { afterStandingMs, backoffMs, OFFLINE_AFTER } from './backoff.ts'
import type { ConnectionEnd } from './connection.ts'
import type { HostSequence } from './sequence.ts'

/** After the host said that our cursor lies in its future it is asked again after this pause (Q12). */
const FUTURE_RETRY_MS = 30_000
/** A host that has to wait so long for its quota is shown as throttled. */
const SHOWN_AS_THROTTLED_MS = 1_000

/** What a session tells of its host, to be kept in the database. */
export interface HostReport {
  status: HostStatus
  connected: boolean
  failures: number
  retryAtMs: number
  lastEventMs: number
  lastSeq: number | null
  lastError: string | null
}

/** The report that a session begins with. */
export function newReport(host: HostRow): HostReport {
  const cursor = host.cursor === null ? null : Number(host.cursor)
  return {
    status: 'active',
    connected: false,
    failures: Number(host.failures),
    retryAtMs: 0,
    lastEventMs: Number(host.last_event_ms),
    lastSeq: host.last_seq === null ? cursor : Number(host.last_seq),
    lastError: null,
  }
}

/** The connection was opened. */
export function noteOpened(report: HostReport): void {
  report.connected = true
  report.lastError = null
}

/** An event came just now, and was sent on its way. */
export function noteEvent(report: HostReport, seq: number, nowMs: number): void {
  report.lastEventMs = nowMs
  report.lastSeq = seq
  report.status = 'active'
}

/** The host has to wait for its quota, in milliseconds. */
export function noteWait(report: HostReport, quotaMs: number): void {
  if (quotaMs >= SHOWN_AS_THROTTLED_MS) report.status = 'throttled'
}

/** The quota is another, and the host has to wait so long now. */
export function noteUnthrottled(report: HostReport, quotaMs: number): void {
  if (report.status === 'throttled' && quotaMs < SHOWN_AS_THROTTLED_MS) report.status = 'active'
}

/** How an attempt came about and what came of it. */
export interface Attempt {
  /** It brought events. */
  readonly hasProgress: boolean
  /** It was made before its pause was over: this process has just begun with the host, or somebody asked for it. */
  readonly wasEarly: boolean
}

/**
 * A connection, or an attempt, has ended. Returns the pause until the next attempt, in milliseconds. An early attempt in
 * vain counts as the one that it came before: else the starts of a process that starts again and again would add up, and
 * a minute's absence of the host would become an hour's (H3).
 */
export function noteEnded(
  report: HostReport,
  end: ConnectionEnd,
  { hasProgress, wasEarly }: Attempt,
  sequence: Pick<HostSequence, 'isNew' | 'isAhead'>,
  nowMs: number,
): number {
  const standingMs = afterStandingMs(end.stoodMs)
  if (hasProgress || standingMs !== undefined) report.failures = 0
  else if (!wasEarly || report.failures === 0) report.failures++
  report.lastError = end.detail
  let pauseMs = hasProgress ? backoffMs(0) : (standingMs ?? backoffMs(report.failures))
  if (sequence.isNew) pauseMs = 0
  else if (sequence.isAhead) {
    report.status = 'idle'
    pauseMs = Math.max(pauseMs, FUTURE_RETRY_MS)
  } else report.status = report.failures >= OFFLINE_AFTER ? 'offline' : 'active'
  report.retryAtMs = nowMs + pauseMs
  return pauseMs
}
