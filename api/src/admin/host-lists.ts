import { askForHost } from '@bgs/database/hosts/host-rows.ts'
import { rulesOf } from '@bgs/database/hosts/new-hosts.ts'
import { trustHost } from '@bgs/database/hosts/trust-host.ts'
import { z } from 'zod'
import { ok } from '../http/answer.ts'
import { hostParam } from '../http/host-param.ts'
import { integer, optional } from '../http/params.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import { HOST_ORDERS, type HostOrder, hostReport, hostSummaries } from '../reports/host-report.ts'
import { auditStep } from './audit.ts'
import type { AdminContext } from './context.ts'
import { sendControl } from './control-action.ts'
import { knownHost } from './host-name.ts'
import { importHosts } from './import-hosts.ts'
import { type AdminRequest, type AdminRoute, act, read, Why } from './route.ts'

const Add = z.strictObject({
  hostname: z.string().max(2_048),
  trusted: z.boolean().default(false).describe('the large quotas'),
  upstream: z.boolean().default(false).describe('it is a relay itself'),
  cursor: z.enum(['0', 'live']).default('0').describe('begin with all it retains, or from now on'),
  why: Why,
})
const Import = z.strictObject({
  from: z.string().max(2_048).describe('the relay whose listHosts is taken over'),
  why: Why,
})

/** Lists of hosts, and ways to add some. */
export const HOST_LISTS: readonly AdminRoute[] = [
  read(
    '/admin/hosts',
    'hosts, with what is known of each',
    {
      order: `${HOST_ORDERS.join(', ')}; name by default`,
      status: 'only hosts in this state: active, idle, offline, throttled, banned, paused',
      q: 'only hosts whose name holds this',
      limit: '1 to 1000; 100 by default',
      offset: 'how many to pass over',
    },
    async ({ params }, { database }) => {
      const order = optional(params, 'order') ?? 'name'
      if (!HOST_ORDERS.includes(order as HostOrder))
        throw invalid(`the parameter "order" must be one of ${HOST_ORDERS.join(', ')}`)
      return ok({
        hosts: await hostSummaries(database, {
          order: order as HostOrder,
          status: optional(params, 'status'),
          search: optional(params, 'q'),
          limit: integer(params, 'limit', { least: 1, most: 1_000, fallback: 100 }),
          offset: integer(params, 'offset', { least: 0, most: 10_000_000, fallback: 0 }),
        }),
      })
    },
  ),
  read('/admin/hosts/{host}', 'all that is known of one host', {}, async ({ path }, context) => {
    const { hostname } = await knownHost(path['host'] ?? '', context)
    return ok(await hostReport(context.database, hostname, context.allowPrivate))
  }),
  act('/admin/hosts', 'add a host, or ask for it again', Add, add),
  act(
    '/admin/hosts/import',
    "take over another relay's hosts, from now on",
    Import,
    async (request, context) => {
      const { who, body } = request
      const audit = { atMs: context.now(), who, act: 'host import', subject: body.from, why: body.why }
      await context.database.transaction([auditStep({ ...audit, detail: {} })])
      return ok(await importHosts(body.from, context))
    },
  ),
]

async function add({ who, body }: AdminRequest<z.infer<typeof Add>>, context: AdminContext) {
  const { database, newHosts, allowPrivate, wakeUps } = context
  const { hostname } = hostParam(body.hostname, allowPrivate, '"hostname"')
  const rules = await rulesOf(database, hostname, newHosts)
  if (rules.banned) throw new XrpcError(400, 'HostBanned', `${hostname} lies in a banned domain`)
  const { why, ...detail } = body
  const nowMs = context.now()
  await database.transaction([
    auditStep({ atMs: nowMs, who, act: 'host add', subject: hostname, why, detail }),
  ])
  const asked = {
    hostname,
    accountLimit: newHosts.accountLimit,
    source: 'operator',
    upstream: body.upstream,
    startLive: body.cursor === 'live',
    nowMs,
  } as const
  if (body.trusted || rules.trusted || body.upstream)
    await trustHost(database, asked, (message) => sendControl(context, message))
  else await askForHost(database, { ...asked, trusted: false })
  wakeUps.emit('hosts')
  return ok(await hostReport(database, hostname, allowPrivate))
}
