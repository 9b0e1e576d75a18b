import { InProcessServer } from './in-process-server.ts'
import type { ServeParts, Serving } from './serving.ts'
import { ThreadedServer } from './threaded-server.ts'

/** Serves subscribers and XRPC. */
export function serve(parts: ServeParts): Serving {
  return parts.threads === 0 ? new InProcessServer(parts) : new ThreadedServer(parts)
}
