import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadStart } from './messages.ts'
import { serveFollowing } from './serve-following.ts'

if (parentPort === null) throw new Error('serves in a worker thread')
serveFollowing(parentPort, workerData as ThreadStart)
