import { integer, optional } from '../http/params.ts'
import { invalid } from '../http/xrpc-error.ts'
import { HOST_ORDERS, type HostOrder, type HostSummary, hostSummaries } from '../reports/host-report.ts'
import { html } from './html.ts'
import { type PageView, page } from './page.ts'
import { agoText, countText } from './words.ts'

const PER_PAGE = 100

/** `/hosts`: all hosts, with search. */
export const hostsPage = page(async (params, { database, now }): Promise<PageView> => {
  const order = optional(params, 'order') ?? 'name'
  if (!HOST_ORDERS.includes(order as HostOrder))
    throw invalid(`the parameter "order" must be one of ${HOST_ORDERS.join(', ')}`)
  const status = optional(params, 'status')
  const search = optional(params, 'q')
  const offset = integer(params, 'offset', { least: 0, most: 1_000_000, fallback: 0 })
  const found = await hostSummaries(database, {
    order: order as HostOrder,
    status,
    search,
    limit: PER_PAGE + 1,
    offset,
  })
  const hosts = found.slice(0, PER_PAGE)
  const link = (change: Record<string, string>) => {
    const all = {
      ...(status === null ? {} : { status }),
      ...(search === null ? {} : { q: search }),
      order,
      ...change,
    }
    return `/hosts?${new URLSearchParams(all)}`
  }
  const nowMs = now()
  const row = (host: HostSummary) => html`<tr>
<td><a href="/hosts/${encodeURIComponent(host.hostname)}">${host.hostname}</a></td><td>${host.status}</td>
<td>${countText(host.accounts)}</td><td>${agoText(host.lastEventMs, nowMs)}</td><td>${countText(host.refusedFrames)}</td></tr>`
  const body = html`
<form action="/hosts"><label>Name <input name="q" value="${search ?? ''}"></label></form>
<div class="wide"><table><thead><tr><th><a href="${link({ order: 'name' })}">host</a></th><th>state</th>
<th><a href="${link({ order: 'accounts' })}">accounts</a></th><th><a href="${link({ order: 'silence' })}">last event</a></th>
<th><a href="${link({ order: 'refusals' })}">refused</a></th></tr></thead><tbody>${hosts.map(row)}</tbody></table></div>
${hosts.length === 0 ? html`<p>There is no such host here.</p>` : null}
${found.length > PER_PAGE ? html`<p><a href="${link({ offset: String(offset + PER_PAGE) })}">Further hosts</a></p>` : null}`
  const next = found.length > PER_PAGE ? { offset: offset + PER_PAGE } : {}
  return { title: 'Hosts', json: `${link({})}&format=json`, view: { hosts, ...next }, body }
})
