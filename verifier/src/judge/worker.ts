import { parentPort } from 'node:worker_threads'
import { type JudgeRequest, judgeRequest } from './batch.ts'
import { judgeFrame } from './judge.ts'

if (parentPort === null) throw new Error('the judge runs in a worker thread')
const port = parentPort
port.on('message', (request: JudgeRequest) => {
  const reply = judgeRequest(request, judgeFrame)
  port.postMessage(reply, [reply.frames.buffer, reply.ints.buffer])
})
