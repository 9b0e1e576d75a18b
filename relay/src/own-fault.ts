import { RefusalError } from '@bgs/shared/service/refusal-error.ts'

/**
 * Whether a fault that ends a process is one of its own code, over which an event may be to blame (invariant 14): not one of
 * the machine or of a server (a disk, a connection), which have codes of their own, nor of what operators have set.
 */
export function isOwnFault(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof RefusalError) return false
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (code !== undefined && (!String(code).startsWith('ERR_') || code === 'ERR_SQLITE_ERROR')) return false
  }
  return true
}
