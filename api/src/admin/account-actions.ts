import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import { parseDid } from '@bgs/protocol/syntax/did.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { ok } from '../http/answer.ts'
import { integer, optional } from '../http/params.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import { accountReport } from '../reports/account-report.ts'
import { auditStep } from './audit.ts'
import type { AdminContext } from './context.ts'
import { sendControl } from './control-action.ts'
import { type AdminRequest, type AdminRoute, act, read, WhyBody } from './route.ts'

const LISTED: readonly string[] = [
  'takendown',
  'suspended',
  'throttled',
  'throttled:conduct',
] satisfies LocalStatus[]
/** The database is a moment behind the stream: an account that has just been seen there is looked for again. */
const LOOKS = 4
const LOOK_EVERY_MS = 250
const ACCOUNT = '/admin/accounts/{did}'

/** What an operator does with an account (protocol.md section 5). */
export const ACCOUNT_ACTIONS: readonly AdminRoute[] = [
  read(
    '/admin/accounts',
    'accounts that this relay holds back itself',
    {
      local: `${LISTED.join(', ')}; all of them by default`,
      limit: '1 to 1000; 100 by default',
      after: 'place of the last one that is known',
    },
    list,
  ),
  read(ACCOUNT, 'all that is known of one account', {}, async ({ path }, context) =>
    ok(await accountReport(context.database, await knownDid(path['did'] ?? '', context))),
  ),
  act(
    `${ACCOUNT}/takedown`,
    'take an account down: its events are neither taken nor served',
    WhyBody,
    (request, context) => setLocal(request, context, 'takedown', 'takendown'),
  ),
  act(`${ACCOUNT}/suspend`, 'suspend an account', WhyBody, (request, context) =>
    setLocal(request, context, 'suspend', 'suspended'),
  ),
  act(
    `${ACCOUNT}/restore`,
    'reverse a takedown, suspension or throttle; shows what its host says of it',
    WhyBody,
    (request, context) => setLocal(request, context, 'restore', 'active'),
  ),
  act(`${ACCOUNT}/recheck`, "ask the account's host for its status now", WhyBody, recheck),
]

type Request = AdminRequest<{ why: string }>

async function list({ params }: AdminRequest, { database }: AdminContext) {
  const local = optional(params, 'local')
  if (local !== null && !LISTED.includes(local))
    throw invalid(`the parameter "local" must be one of ${LISTED.join(', ')}`)
  const limit = integer(params, 'limit', { least: 1, most: 1_000, fallback: 100 })
  const after = integer(params, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER, fallback: 0 })
  const rows = await database.query<{
    first_seq: number
    did: string
    host: string
    local: string
    upstream: string
  }>(
    `SELECT first_seq, did, host, local, upstream FROM accounts
      WHERE local <> 'active' AND first_seq > $1 AND ($2 = '' OR local = $2) ORDER BY first_seq LIMIT $3`,
    [after, local ?? '', limit],
  )
  const last = rows.length === limit ? rows.at(-1) : undefined
  return ok({
    ...(last === undefined ? {} : { after: Number(last.first_seq) }),
    accounts: rows.map(({ did, host, local: status, upstream }) => ({ did, host, local: status, upstream })),
  })
}

async function knownDid(text: string, { database, allowPrivate }: AdminContext): Promise<string> {
  const did = parseDid(text, allowPrivate)
  if (did === null) throw invalid(`"${text}" is not a did:plc or did:web`)
  for (let look = 0; look < LOOKS; look++) {
    const [row] = await database.query('SELECT did FROM accounts WHERE did = $1', [did])
    if (row !== undefined) return did
    await wait(LOOK_EVERY_MS)
  }
  throw new XrpcError(404, 'RepoNotFound', `this relay knows no account ${did}`)
}

async function note(request: Request, context: AdminContext, act: string, did: string): Promise<void> {
  const { who, body } = request
  const entry = { atMs: context.now(), who, act: `account ${act}`, subject: did, why: body.why, detail: {} }
  await context.database.transaction([auditStep(entry)])
}

async function setLocal(request: Request, context: AdminContext, act: string, local: LocalStatus) {
  const did = await knownDid(request.path['did'] ?? '', context)
  await note(request, context, act, did)
  await sendControl(context, { kind: 'account-local', did, local })
  return ok({ did, local })
}

async function recheck(request: Request, context: AdminContext) {
  const did = await knownDid(request.path['did'] ?? '', context)
  await note(request, context, 'recheck', did)
  const [row] = await context.database.query<{ host: string; version: number }>(
    'SELECT host, version FROM accounts WHERE did = $1',
    [did],
  )
  if (row !== undefined) context.ask({ did, host: row.host, version: Number(row.version) })
  return ok({ did, asked: row?.host })
}
