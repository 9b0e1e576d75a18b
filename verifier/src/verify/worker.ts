/** What a judging thread of the pool runs: one request after the other, each answered with its verdicts. */

import { parentPort } from 'node:worker_threads'
import { keepCompiled } from '@bgs/runtime/service/compile-cache.ts'
import { verifyRequest } from './batch.ts'
import type { FromThread, ToThread } from './pool.ts'
import { verifyFrame } from './verify-frame.ts'

if (parentPort === null) throw new Error('the judge runs in a worker thread')
const port = parentPort
const answer = (said: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(said, transfer)
port.on('message', (request: ToThread) => {
  if (request === null) return port.close()
  const reply = verifyRequest(request, verifyFrame)
  answer(reply, [reply.bytes.buffer, reply.ints.buffer])
})
answer(null)
keepCompiled()
