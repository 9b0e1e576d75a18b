import { ADVICE } from '@bgs/protocol/reasons/advice.ts'
import { hostParam } from '../http/host-param.ts'
import { required } from '../http/params.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import { type HostRefusal, type HostReport, hostReport } from '../reports/host-report.ts'
import { type Html, html } from './html.ts'
import { type PageView, page, SUBJECT } from './page.ts'
import { agoText, countText, HOST_STATE, timeText } from './words.ts'

/** `/hosts/NAME`: how one host fares here, and why. */
export const hostPage = page(async (params, { database, allowPrivate, now }): Promise<PageView> => {
  const name = required(params, SUBJECT)
  const { hostname } = hostParam(name, allowPrivate, `"${name}"`)
  const report = await hostReport(database, hostname, allowPrivate)
  if (report === undefined)
    throw new XrpcError(
      404,
      'HostNotFound',
      `this relay knows no host ${hostname}: have it call requestCrawl`,
    )
  const advised = {
    ...report,
    stateText: HOST_STATE[report.status] ?? '',
    refusals: report.refusals.map((refusal) => ({ ...refusal, advice: ADVICE[refusal.reason] ?? '' })),
  }
  return {
    title: hostname,
    json: `/hosts/${encodeURIComponent(hostname)}?format=json`,
    view: advised,
    body: bodyOf(report, now()),
  }
})

function bodyOf(host: HostReport, nowMs: number): Html {
  const throttled = host.throttledAccounts
  return html`
<p class="say"><strong>${host.status}</strong>${host.connected ? ', connected' : ', not connected'}. ${HOST_STATE[host.status] ?? ''}</p>
<dl><dt>last event</dt><dd>${timeText(host.lastEventMs)} (${agoText(host.lastEventMs, nowMs)})</dd>
<dt>last seq received</dt><dd>${host.lastSeq ?? 'none'}</dd>
<dt>cursor</dt><dd>${host.cursor ?? 'none'}: all up to here is dealt with</dd>
<dt>accounts</dt><dd>${countText(host.accounts)} of ${countText(host.accountLimit)}${
    throttled > 0
      ? html`; ${countText(throttled)} of them are throttled, for they are beyond the limit. They are let through, the
oldest first, when there is room or the limit is raised, and what they said last is told then.`
      : null
  }</dd>
<dt>read at most</dt><dd>${paceOf(host)}</dd>
<dt>trust</dt><dd>${host.trusted ? 'trusted: the large quotas' : 'as any host'}</dd>
${host.lastError === null ? null : html`<dt>last error</dt><dd>${host.lastError}</dd>`}
${
  host.connected || host.retryAtMs === 0
    ? null
    : html`<dt>tried again</dt><dd>${timeText(host.retryAtMs)}, or at once when it calls requestCrawl</dd>`
}
${
  host.epoch > 1
    ? html`<dt>sequence</dt><dd>began anew ${host.epoch - 1} times, last ${timeText(host.sequenceBeganMs)}</dd>`
    : null
}
<dt>first met</dt><dd>${timeText(host.firstMetMs)}</dd></dl>
<h2>What was refused</h2>
${host.refusals.length === 0 ? html`<p>Nothing.</p>` : host.refusals.map((refusal) => refusalOf(refusal, nowMs))}`
}

function paceOf({ limits }: HostReport): string {
  const { eventsPerSecond, eventsPerHour, eventsPerDay, otherEventsPerHour } = limits
  const parts = [
    [eventsPerSecond, 'events a second'],
    [eventsPerHour, 'an hour'],
    [eventsPerDay, 'a day'],
    [otherEventsPerHour, 'an hour that are no commits'],
  ] as const
  const shown = parts.flatMap(([limit, what]) => (limit === null ? [] : [`${countText(limit)} ${what}`]))
  return shown.length === 0
    ? 'as fast as it sends'
    : `${shown.join(', ')}; beyond it is read later, nothing is dropped`
}

function refusalOf({ reason, text, frames, lastMs, examples }: HostRefusal, nowMs: number): Html {
  return html`<section><h3><code>${reason}</code></h3>
<p>${countText(frames)} times, last ${agoText(lastMs, nowMs)}: ${text}. <strong>What to do:</strong> ${ADVICE[reason] ?? ''}</p>
${
  examples.length === 0
    ? null
    : html`<div class="wide"><table><thead><tr><th>when</th><th>account</th><th>seq</th><th>detail</th></tr></thead><tbody>${examples.map(
        ({ atMs, did, seq, detail }) => html`<tr><td>${timeText(atMs)}</td>
<td>${did === '' ? '' : html`<a href="/accounts/${encodeURIComponent(did)}">${did}</a>`}</td><td>${seq < 0 ? '' : seq}</td><td>${detail}</td></tr>`,
      )}</tbody></table></div>`
}</section>`
}
