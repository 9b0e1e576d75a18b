/** What a serving thread runs: it serves what the main thread tells it of the log. */

import { parentPort, workerData } from 'node:worker_threads'
import { keepCompiled } from '@bgs/runtime/service/compile-cache.ts'
import type { ThreadStart } from './messages.ts'
import { serveFollowing } from './serve-following.ts'

if (parentPort === null) throw new Error('serves in a worker thread')
serveFollowing(parentPort, workerData as ThreadStart)
keepCompiled()
