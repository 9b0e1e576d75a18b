import { HOST_THROTTLE, RATE_THROTTLE } from '@bgs/contract/envelope/status.ts'
import { ADVICE } from '@bgs/protocol/reasons/advice.ts'
import { parseDid } from '@bgs/protocol/syntax/did.ts'
import { required } from '../http/params.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import { type AccountReport, accountReport } from '../reports/account-report.ts'
import { type Html, html } from './html.ts'
import { type PageView, page, SUBJECT } from './page.ts'
import { agoText, timeText } from './words.ts'

/** `/accounts`: where one asks for an account. */
export const accountsPage = page(async (): Promise<PageView> => {
  const body = html`<form action="/accounts"><label>DID <input name="did" size="40" required></label></form>
<p>The page of an account says what its host and this relay say of it, what was refused last, why, and what to do.</p>`
  return { title: 'Accounts', json: '/accounts?format=json', view: { ask: '/accounts/DID' }, body }
})

/** `/accounts/DID`: why the relay does, or does not, carry an account. */
export const accountPage = page(async (params, { database, allowPrivate, now }): Promise<PageView> => {
  const text = required(params, SUBJECT)
  const did = parseDid(text, allowPrivate)
  if (did === null) throw invalid(`"${text}" is not a did:plc or did:web in lower case`)
  const report = await accountReport(database, did)
  if (report === undefined)
    throw new XrpcError(
      404,
      'RepoNotFound',
      `this relay has seen nothing of ${did}: look whether its host is known here, /hosts, and have that call requestCrawl`,
    )
  const say = verdictOf(report)
  const advice = report.lastRefusal === null ? null : (ADVICE[report.lastRefusal.reason] ?? null)
  return {
    title: did,
    json: `/accounts/${encodeURIComponent(did)}?format=json`,
    view: { ...report, say, advice },
    body: bodyOf(report, say, advice, now()),
  }
})

/** Whether the account is carried, and if not why, in one sentence or two. */
function verdictOf(account: AccountReport): string {
  if (account.upstream === 'unknown')
    return 'Nothing of this account was let through yet: see what was refused.'
  if (account.active)
    return account.rev === null
      ? 'The account is active here, but no commit of it has come through yet.'
      : 'The relay carries this account.'
  switch (account.local) {
    case HOST_THROTTLE:
      return 'Its host has more accounts than this relay lets through for it. The account is let through by itself when there is room, or when the limit is raised; what it said last is told then.'
    case RATE_THROTTLE: {
      const until = account.throttledUntilMs === null ? '' : ` at ${timeText(account.throttledUntilMs)}`
      return `It said too much in an hour (#identity, #account, #sync, or commits that do not follow each other). The throttle ends by itself${until}; what it said last is told then.`
    }
    case 'takendown':
    case 'suspended':
      return `The operator of this relay has it ${account.local === 'takendown' ? 'taken down' : 'suspended'}: ask there.`
    case 'active':
      return `Its own host says that it is ${account.upstream}. The host is asked again from time to time, and at once when the account makes a commit; an #account event with active true ends it.`
  }
}

function bodyOf(account: AccountReport, say: string, advice: string | null, nowMs: number): Html {
  const { lastRefusal } = account
  return html`
<p class="say">${say}</p>
<dl><dt>host</dt><dd><a href="/hosts/${encodeURIComponent(account.host)}">${account.host}</a></dd>
<dt>status here</dt><dd>${account.active ? 'active' : (account.status ?? 'inactive')}</dd>
<dt>status on its host</dt><dd>${account.upstream}</dd>
<dt>last rev</dt><dd>${account.rev ?? 'none'}</dd>
${account.heldRev === null ? null : html`<dt>held back</dt><dd>${account.heldRev}: told when the account is active again</dd>`}
<dt>gaps in its chain</dt><dd>${account.discontinuities}</dd></dl>
<h2>What was refused last</h2>
${
  lastRefusal === null
    ? html`<p>Nothing.</p>`
    : html`<p><code>${lastRefusal.reason}</code>, ${agoText(lastRefusal.atMs, nowMs)}, from
<a href="/hosts/${encodeURIComponent(lastRefusal.host)}">${lastRefusal.host}</a>; ${lastRefusal.frames} in all: ${lastRefusal.text}.</p>
<p><strong>What to do:</strong> ${advice ?? ''}</p>`
}`
}
