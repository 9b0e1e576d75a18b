import { HostnameError, parseDomain } from '@bgs/runtime/net/hostname.ts'
import { ok } from '../http/answer.ts'
import { invalid } from '../http/xrpc-error.ts'
import { auditStep } from './audit.ts'
import type { AdminContext } from './context.ts'
import { sendControl } from './control-action.ts'
import { type AdminRequest, type AdminRoute, act, read, WhyBody } from './route.ts'

const TRUST = `INSERT INTO domains (domain, rule, created_ms) VALUES ($1, 'trust', $2) ON CONFLICT (domain, rule) DO NOTHING`
const UNTRUST = `DELETE FROM domains WHERE domain = $1 AND rule = 'trust'`

/** Rules for a domain with everything under it (protocol.md H9). */
export const DOMAIN_ACTIONS: readonly AdminRoute[] = [
  read('/admin/domains', 'domains that are banned or trusted', {}, async (_request, { database }) =>
    ok({
      domains: (
        await database.query<{ domain: string; rule: string; created_ms: number }>(
          'SELECT domain, rule, created_ms FROM domains ORDER BY domain, rule',
        )
      ).map(({ domain, rule, created_ms }) => ({ domain, rule, sinceMs: Number(created_ms) })),
    }),
  ),
  act('/admin/domains/{domain}/ban', 'ban all hosts under a domain', WhyBody, (request, context) =>
    ban(request, context, true),
  ),
  act('/admin/domains/{domain}/unban', 'end the ban of a domain', WhyBody, (request, context) =>
    ban(request, context, false),
  ),
  act(
    '/admin/domains/{domain}/trust',
    'trust hosts under a domain when they are first met',
    WhyBody,
    (request, context) => trust(request, context, true),
  ),
  act(
    '/admin/domains/{domain}/untrust',
    'end that; known hosts keep their trust',
    WhyBody,
    (request, context) => trust(request, context, false),
  ),
]

type Request = AdminRequest<{ why: string }>

function domainOf({ path }: Request): string {
  try {
    return parseDomain((path['domain'] ?? '').replace(/^\*\./, ''))
  } catch (error) {
    if (error instanceof HostnameError) throw invalid(`"${path['domain']}" is not a domain`)
    throw error
  }
}

async function ban(request: Request, context: AdminContext, banned: boolean) {
  const domain = domainOf(request)
  const { who, body } = request
  const act = banned ? 'domain ban' : 'domain unban'
  const audit = auditStep({ atMs: context.now(), who, act, subject: domain, why: body.why, detail: {} })
  await context.database.transaction([audit])
  await sendControl(context, { kind: 'domain-ban', domain, banned, why: body.why })
  context.wakeUps.emit('hosts')
  return ok({ domain, banned })
}

async function trust(request: Request, context: AdminContext, trusted: boolean) {
  const domain = domainOf(request)
  const { who, body } = request
  const act = trusted ? 'domain trust' : 'domain untrust'
  const nowMs = context.now()
  await context.database.transaction([
    { sql: trusted ? TRUST : UNTRUST, rows: [trusted ? [domain, nowMs] : [domain]] },
    auditStep({ atMs: nowMs, who, act, subject: domain, why: body.why, detail: {} }),
  ])
  return ok({ domain, trusted })
}
