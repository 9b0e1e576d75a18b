import { bytesBehind } from '@bgs/embedded/log/bytes-behind.ts'
import { ok } from '../http/answer.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import { auditStep } from './audit.ts'
import { type AdminRoute, act, read, WhyBody } from './route.ts'

/** Who reads the stream. */
export const SUBSCRIBER_ACTIONS: readonly AdminRoute[] = [
  read(
    '/admin/consumers',
    'subscribers of all nodes: position, bytes of the log behind it, rate, address',
    {},
    async (_request, { subscribers, log }) => {
      const { next } = log.bounds()
      const { segments } = log.files
      const all = await subscribers.list()
      const withBytes = all.map((one) => ({ ...one, bytesBehind: bytesBehind(segments, one.next, next) }))
      return ok({ head: next - 1, consumers: withBytes })
    },
  ),
  act('/admin/consumers/{id}/disconnect', 'send a subscriber away', WhyBody, async (request, context) => {
    const id = request.path['id'] ?? ''
    const known = (await context.subscribers.list()).find((one) => one.id === id)
    if (known === undefined) throw new XrpcError(404, 'ConsumerNotFound', `there is no subscriber ${id}`)
    const { who, body } = request
    const entry = {
      atMs: context.now(),
      who,
      act: 'consumer disconnect',
      subject: known.address,
      why: body.why,
    }
    await context.database.transaction([auditStep({ ...entry, detail: { id } })])
    await context.subscribers.disconnect(id)
    return ok({ id, disconnected: true })
  }),
]
