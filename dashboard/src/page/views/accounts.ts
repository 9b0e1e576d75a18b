import { accountActs, domainAct } from '../acts.ts'
import type { AccountReport } from '../answers.ts'
import { part } from '../api.ts'
import { count, moment } from '../format.ts'
import { Acts, Facts, State, Trouble } from '../parts.ts'
import { linkTo } from '../place.ts'
import { usePoll, useRelay } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html } from '../vendor/preact.js'

const LOOK_EVERY_MS = 3_000

const DOMAIN_COLUMNS = [{ title: 'Domain' }, { title: 'Rule' }, { title: 'Since' }, { title: 'Act' }]

interface LimitedAccounts {
  readonly accounts: readonly { did: string; host: string; local: string; upstream: string }[]
}
interface Domains {
  readonly domains: readonly { domain: string; rule: string; sinceMs: number }[]
}

/** One account by its DID; the ones that this relay holds back; rules for domains. */
export function AccountsView({ did }: { did: string }) {
  const limited = usePoll<LimitedAccounts>('accounts', LOOK_EVERY_MS)
  const look = (event: SubmitEvent) => {
    event.preventDefault()
    const wanted = new FormData(event.currentTarget as HTMLFormElement).get('did')
    location.hash = linkTo('accounts', String(wanted ?? '').trim())
  }
  const rows = (limited.answer?.accounts ?? []).map(({ did: one, host, local, upstream }) => ({
    key: one,
    cells: [
      html`<a href=${linkTo('accounts', one)}>${one}</a>`,
      html`<${State} name=${local} />`,
      upstream,
      host,
    ],
  }))
  return html`<h1>Accounts and domains</h1>
    <form class="filters" role="search" onSubmit=${look}>
      <label>DID <input name="did" defaultValue=${did} required size="36" autocomplete="off" spellcheck=${false} /></label>
      <button type="submit" class="first">Look up</button>
    </form>
    ${did !== '' && html`<${Account} did=${did} />`}
    <${Trouble} error=${limited.error} />
    <${Table}
      caption="Held back by this relay"
      columns=${[{ title: 'Account' }, { title: 'Here' }, { title: 'Its host says' }, { title: 'Host' }]}
      rows=${rows}
      none="None."
    />
    <${DomainRules} />`
}

function Account({ did }: { did: string }) {
  const { answer, error, again } = usePoll<AccountReport>(`accounts/${part(did)}`, LOOK_EVERY_MS)
  if (answer === undefined) return html`<${Trouble} error=${error} />`
  const { lastRefusal } = answer
  const facts = [
    ['for the network', html`<${State} name=${answer.active ? 'active' : (answer.status ?? 'inactive')} />`],
    ['here', answer.local],
    ['its host says', answer.upstream],
    ['host', html`<a href=${linkTo('hosts', answer.host)}>${answer.host}</a>`],
    ['rev', answer.rev ?? '–'],
    ['not let through since', answer.heldRev ?? '–'],
    ['events that broke its chain', count(answer.discontinuities)],
    ['throttled until', answer.throttledUntilMs === null ? '–' : moment(answer.throttledUntilMs)],
    [
      'last refusal',
      lastRefusal === null
        ? 'none'
        : `${lastRefusal.reason}: ${lastRefusal.text} (${moment(lastRefusal.atMs)})`,
    ],
  ] as const
  return html`<section class="box" aria-labelledby="account">
    <h2 id="account" class="long">${answer.did}</h2>
    <${Facts} facts=${facts} />
    <${Acts} acts=${accountActs(did, answer.local)} then=${again} />
    <${Trouble} error=${error} />
  </section>`
}

function DomainRules() {
  const { ask } = useRelay()
  const { answer, again } = usePoll<Domains>('domains', LOOK_EVERY_MS)
  const add = (event: SubmitEvent) => {
    event.preventDefault()
    const domain = String(new FormData(event.currentTarget as HTMLFormElement).get('domain') ?? '').trim()
    ask(domainAct(domain, event.submitter?.getAttribute('value') === 'trust' ? 'trust' : 'ban'), again)
  }
  const rows = (answer?.domains ?? []).map(({ domain, rule, sinceMs }) => ({
    key: `${domain} ${rule}`,
    cells: [
      domain,
      rule === 'trust' ? 'trusted' : 'banned',
      moment(sinceMs),
      html`<${Acts} acts=${[domainAct(domain, rule === 'trust' ? 'untrust' : 'unban')]} then=${again} />`,
    ],
  }))
  return html`<form class="filters" onSubmit=${add}>
      <label>Domain, with all under it <input name="domain" required autocomplete="off" spellcheck=${false} /></label>
      <button type="submit" value="ban" class="grave">Ban domain…</button>
      <button type="submit" value="trust">Trust domain…</button>
    </form>
    <${Table} caption="Rules for domains" columns=${DOMAIN_COLUMNS} rows=${rows} none="None." />`
}
