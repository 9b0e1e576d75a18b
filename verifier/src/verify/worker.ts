/** What a judging thread of the pool runs: one request after the other, each answered with its verdicts. */

import { parentPort } from 'node:worker_threads'
import { verifyRequest } from './batch.ts'
import type { VerifyRequest } from './request.ts'
import { verifyFrame } from './verify-frame.ts'

if (parentPort === null) throw new Error('the judge runs in a worker thread')
const port = parentPort
port.on('message', (request: VerifyRequest) => {
  const reply = verifyRequest(request, verifyFrame)
  port.postMessage(reply, [reply.bytes.buffer, reply.ints.buffer])
})
