/** What code throws that has met with what it did not expect. */
const UNEXPECTED: ReadonlySet<unknown> = new Set([Error, TypeError, RangeError, SyntaxError, ReferenceError])

/**
 * Whether a fault that ends a process, or a lead, is one of its own code, over which an event may be to blame
 * (invariant 14). Not so what has a code (a disk, a connection, a server) or a class of its own: that was foreseen, and is
 * nobody's event.
 */
export function isOwnFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    const isNodes = String(code).startsWith('ERR_') && code !== 'ERR_SQLITE_ERROR'
    if (!isNodes && (code !== undefined || !UNEXPECTED.has(cause.constructor))) return false
  }
  return true
}
