import type { MessagePort } from 'node:worker_threads'
import type { Answer } from '@bgs/api/http/answer.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { Registry } from 'prom-client'
import { Takedowns } from '../takedowns.ts'
import { InProcessServer } from './in-process-server.ts'
import { LogReplica } from './log-replica.ts'
import type { MainUpdate, ThreadStart, ThreadUpdate, ToMain, ToThread } from './messages.ts'
import { PortRpc } from './port-rpc.ts'

/** Serves as the main thread, at the other end of the port, says: listens when it is asked to, follows its log. */
export function serveFollowing(port: MessagePort, start: ThreadStart): void {
  const logger = createLogger(start.logLevel).child({ part: 'fanout', thread: start.index })
  const registry = new Registry()
  const takedowns = new Takedowns(0, start.takedowns)
  let { notReady } = start

  const main = new PortRpc<ToThread, MainUpdate, ToMain, ThreadUpdate>(port, {
    onQuestion: answer,
    onPost: (update) => {
      notReady = update.notReady
      // Before the log is longer: nobody may read on without them.
      if (update.anew !== undefined) takedowns.replace(update.anew.takedowns)
      log.apply(update.log)
      if (update.anew !== undefined) serving.beginAnew()
      main.post({ taken: update.bytes })
    },
  })
  const log = new LogReplica(
    start.log,
    () => main.ask<number>({ what: 'head' }),
    (error) => {
      throw error
    },
  )
  const serving = new InProcessServer({
    log,
    takedowns,
    registry,
    logger,
    trustedProxies: start.trustedProxies,
    limits: start.limits,
    deflate: start.deflate,
    notReady: () => notReady,
    call: (nsid, { params, address, body }) =>
      main.ask<Answer>({ what: 'call', nsid, params: params.toString(), address, body }),
  })

  async function answer(question: ToThread): Promise<unknown> {
    if (question.what === 'listen') return serving.listen(question.port, question.host, true)
    if (question.what === 'metrics') return registry.getMetricsAsJSON()
    if (question.what === 'subscribers') return serving.subscribers.list()
    if (question.what === 'disconnect') return serving.subscribers.disconnect(question.id)
    return serving.close()
  }
}
