import { type HostRow, TRUSTED_ACCOUNT_LIMIT } from '@bgs/database/hosts/host-rows.ts'
import { z } from 'zod'
import { ok } from '../http/answer.ts'
import { hostReport } from '../reports/host-report.ts'
import { auditStep } from './audit.ts'
import type { AdminContext } from './context.ts'
import { sendControl } from './control-action.ts'
import { knownHost } from './host-name.ts'
import { type AdminRequest, type AdminRoute, act, Why, WhyBody } from './route.ts'

const events = z.number().int().min(1).max(1e9).nullable().optional()
const Limits = z.strictObject({
  accounts: z
    .number()
    .int()
    .min(0)
    .max(1e9)
    .optional()
    .describe('accounts before further ones are throttled'),
  eventsPerSecond: events.describe('null: what follows from trust and the limit of accounts'),
  eventsPerHour: events,
  eventsPerDay: events,
  trusted: z.boolean().optional().describe('the large quotas'),
  lenient: z.boolean().optional().describe('four checks mark instead of refuse, for old software (3.5)'),
  why: Why,
})
const Cursor = z.strictObject({
  cursor: z
    .union([z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), z.literal('live')])
    .describe('read on behind this seq of the host; 0: all it retains; live: from now on'),
  why: Why,
})

const CHANGED = 'changed_ms = CASE WHEN changed_ms >= $2 THEN changed_ms + 1 ELSE $2 END'
const HOST = '/admin/hosts/{host}'

/** What an operator does with a host (protocol.md section 6). */
export const HOST_ACTIONS: readonly AdminRoute[] = [
  act(`${HOST}/crawl`, 'try to connect now, whatever pause it is in', WhyBody, (request, context) =>
    change(request, context, 'crawl', 'asked_ms = CASE WHEN asked_ms >= $2 THEN asked_ms + 1 ELSE $2 END'),
  ),
  act(
    `${HOST}/pause`,
    'disconnect, and read it no further until it is resumed',
    WhyBody,
    (request, context) => change(request, context, 'pause', `paused = 1, ${CHANGED}`),
  ),
  act(`${HOST}/resume`, 'read a paused host again, from where it was', WhyBody, (request, context) =>
    change(request, context, 'resume', `paused = 0, ${CHANGED}`),
  ),
  act(`${HOST}/disconnect`, 'end the connection; it is taken up again', WhyBody, (request, context) =>
    change(request, context, 'disconnect', `restarts = restarts + 1, ${CHANGED}`),
  ),
  act(`${HOST}/reset-cursor`, 'read its stream from another place', Cursor, resetCursor),
  act(`${HOST}/limits`, 'set limits and trust; what is left out stays', Limits, setLimits),
  act(
    `${HOST}/ban`,
    'disconnect at once and refuse what it sends, until unban',
    WhyBody,
    (request, context) => ban(request, context, true),
  ),
  act(`${HOST}/unban`, 'end a ban', WhyBody, (request, context) => ban(request, context, false)),
]

type Request<Body = { why: string }> = AdminRequest<Body>

async function noted(
  { who, body }: Request,
  context: AdminContext,
  act: string,
  { hostname }: HostRow,
  steps: { sql: string; rows: (string | number | null)[][] }[] = [],
): Promise<void> {
  const { why, ...detail } = body
  const audit = auditStep({ atMs: context.now(), who, act: `host ${act}`, subject: hostname, why, detail })
  await context.database.transaction([...steps, audit])
}

async function change(request: Request, context: AdminContext, act: string, set: string) {
  const host = await knownHost(request.path['host'] ?? '', context)
  const sql = `UPDATE hosts SET ${set} WHERE hostname = $1`
  await noted(request, context, act, host, [{ sql, rows: [[host.hostname, context.now()]] }])
  context.wakeUps.emit('hosts')
  return ok(await hostReport(context.database, host.hostname, context.allowPrivate))
}

/** A new epoch: what comes is judged by its revs alone, not by the positions of the old sequence (Q12). */
async function resetCursor(request: Request<z.infer<typeof Cursor>>, context: AdminContext) {
  const host = await knownHost(request.path['host'] ?? '', context)
  const { cursor } = request.body
  const sql = `UPDATE hosts SET cursor = $3, start_live = $4, epoch = epoch + 1, restarts = restarts + 1, ${CHANGED}
    WHERE hostname = $1`
  const row = [host.hostname, context.now(), cursor === 'live' ? null : cursor, cursor === 'live' ? 1 : 0]
  await noted(request, context, 'reset-cursor', host, [{ sql, rows: [row] }])
  const { epoch } = await knownHost(host.hostname, context)
  await sendControl(context, { kind: 'host-epoch', host: host.hostname, epoch: Number(epoch) })
  context.wakeUps.emit('hosts')
  return ok(await hostReport(context.database, host.hostname, context.allowPrivate))
}

async function setLimits(request: Request<z.infer<typeof Limits>>, context: AdminContext) {
  const host = await knownHost(request.path['host'] ?? '', context)
  const { accounts, eventsPerSecond, eventsPerHour, eventsPerDay, trusted, lenient } = request.body
  const flag = (asked: boolean | undefined) => (asked === undefined ? undefined : asked ? 1 : 0)
  const asked = {
    events_per_second: eventsPerSecond,
    events_per_hour: eventsPerHour,
    events_per_day: eventsPerDay,
    trusted: flag(trusted),
    lenient: flag(lenient),
  }
  // No more than what is asked for: another act may change the rest at the same time.
  const changes = Object.entries(asked).filter(
    (change): change is [string, number | null] => change[1] !== undefined,
  )
  const set = changes.map(([column], i) => `${column} = $${i + 3}, `).join('')
  const row = [host.hostname, context.now(), ...changes.map(([, value]) => value)]
  await noted(request, context, 'limits', host, [
    { sql: `UPDATE hosts SET ${set}${CHANGED} WHERE hostname = $1`, rows: [row] },
  ])
  const byTrust =
    trusted === undefined ? undefined : trusted ? TRUSTED_ACCOUNT_LIMIT : context.newHosts.accountLimit
  const accountLimit = accounts ?? byTrust
  // The sequencer counts accounts: it must hear of their limit in order (invariant 7).
  if (accountLimit !== undefined)
    await sendControl(context, { kind: 'host-limit', host: host.hostname, accountLimit })
  context.wakeUps.emit('hosts')
  return ok(await hostReport(context.database, host.hostname, context.allowPrivate))
}

async function ban(request: Request, context: AdminContext, banned: boolean) {
  const host = await knownHost(request.path['host'] ?? '', context)
  await noted(request, context, banned ? 'ban' : 'unban', host)
  await sendControl(context, { kind: 'host-ban', host: host.hostname, banned, why: request.body.why })
  context.wakeUps.emit('hosts')
  return ok({ hostname: host.hostname, banned })
}
