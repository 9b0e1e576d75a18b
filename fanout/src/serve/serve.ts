import { ServeHere } from './serve-here.ts'
import { ServeInThreads } from './serve-in-threads.ts'
import type { ServeParts, Serving } from './serving.ts'

/** Serves subscribers and XRPC. */
export function serve(parts: ServeParts): Serving {
  return parts.threads === 0 ? new ServeHere(parts) : new ServeInThreads(parts)
}
