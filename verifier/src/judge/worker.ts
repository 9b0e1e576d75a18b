/** What a judging thread of the pool runs: one request after the other, each answered with its judgements. */

import { parentPort } from 'node:worker_threads'
import { judgeRequest } from './batch.ts'
import { judgeFrame } from './judge.ts'
import type { JudgeRequest } from './request.ts'

if (parentPort === null) throw new Error('the judge runs in a worker thread')
const port = parentPort
port.on('message', (request: JudgeRequest) => {
  const reply = judgeRequest(request, judgeFrame)
  port.postMessage(reply, [reply.bytes.buffer, reply.ints.buffer])
})
