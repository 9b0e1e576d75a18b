import { parentPort, workerData } from 'node:worker_threads'
import { createLogger } from '@bgs/shared/service/logger.ts'
import { Registry } from 'prom-client'
import type { Answer } from '../http/answer.ts'
import { Takedowns } from '../takedowns.ts'
import { FollowedLog } from './followed-log.ts'
import type { MainNews, ThreadStart, ToMain, ToThread } from './messages.ts'
import { PortCalls } from './port-calls.ts'
import { ServeHere } from './serve-here.ts'

if (parentPort === null) throw new Error('serves in a worker thread')
const start = workerData as ThreadStart
const logger = createLogger(start.logLevel).child({ part: 'fanout', thread: start.index })
const registry = new Registry()
let { notReady } = start

const main = new PortCalls<ToThread, MainNews, ToMain, never>(parentPort, {
  onQuestion: answer,
  onNews: (news) => {
    notReady = news.notReady
    log.hear(news.log)
  },
})
const log = new FollowedLog(
  start.log,
  () => main.ask<number>({ what: 'head' }),
  (error) => {
    throw error
  },
)
const serving = new ServeHere({
  log,
  takedowns: new Takedowns(0, start.takedowns),
  registry,
  logger,
  trustedProxies: start.trustedProxies,
  deflate: start.deflate,
  notReady: () => notReady,
  call: (nsid, { params, address, body }) =>
    main.ask<Answer>({ what: 'call', nsid, params: params.toString(), address, body }),
})

async function answer(question: ToThread): Promise<unknown> {
  if (question.what === 'listen') return serving.listen(question.port, question.host, true)
  if (question.what === 'figures') return registry.getMetricsAsJSON()
  return serving.close()
}
