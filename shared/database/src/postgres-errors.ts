/** Codes of Node and of the resolver for a server that cannot be reached, or no longer. */
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])
/**
 * Connection exceptions (08), shutdown, crash and start-up (57P0x), too many connections, a transaction of ours that
 * was idle too long, and a server that is only a standby, as after a failover: another connection may do better.
 */
const AWAY_STATES = /^(08...|57P0.|53300|25P03|25006)$/
/** What the client itself says, without a code, of a connection that broke or did not answer in time. */
const AWAY_WORDS =
  /^(Connection terminated|timeout expired|Query read timeout|Client (was closed|has encountered a connection error))/
/** A plan prepared before another process migrated the schema, or kept by a pooler that changed the connection. */
const STALE_PLAN = /^cached plan must not change result type|^prepared statement .* does not exist/
/**
 * Serialization failure, deadlock, lock not available, our own statement timeout, and no room on the disk or in
 * memory: nothing took effect, and the same again may.
 */
const PASSING_STATES = new Set(['40001', '40P01', '55P03', '57014', '53100', '53200', '53400'])

/** Whether the connection is of no more use; what was under way on it may or may not have taken effect. */
export function isAway(error: unknown): boolean {
  const { code, message } = described(error)
  return (
    AWAY_CODES.has(code) || AWAY_STATES.test(code) || AWAY_WORDS.test(message) || STALE_PLAN.test(message)
  )
}

/** Whether the server undid the statement for a reason that passes. */
export function isPassing(error: unknown): boolean {
  return PASSING_STATES.has(described(error).code)
}

function described(error: unknown): { code: string; message: string } {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' }
}
