/**
 * Runs in a worker thread: SQLite is synchronous, and no fsync of its may hold up a socket. One message in, one
 * message out, in order.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { keepCompiled } from '@bgs/runtime/service/compile-cache.ts'
import { SqliteFile, type SqliteReply, type SqliteRequest } from './sqlite-file.ts'

if (parentPort === null) throw new Error('sqlite-worker runs in a worker thread')
const port = parentPort
try {
  const file = new SqliteFile((workerData as { path: string }).path)
  port.postMessage({ id: 0 } satisfies SqliteReply)
  port.on('message', (request: SqliteRequest) => {
    port.postMessage(file.answer(request))
    if (request.kind === 'close') port.close()
  })
} catch (error) {
  const code = error instanceof RangeError ? 'schema' : 'sql'
  port.postMessage({ id: 0, error: { code, message: (error as Error).message } } satisfies SqliteReply)
  port.close()
}
keepCompiled()
