import { cursorAct, hostActs, limitsAct } from '../acts.ts'
import type { HostReport } from '../answers.ts'
import { part } from '../api.ts'
import { ago, count, moment } from '../format.ts'
import { Acts, Facts, State, Trouble } from '../parts.ts'
import { linkTo } from '../place.ts'
import { usePoll } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html } from '../vendor/preact.js'

const LOOK_EVERY_MS = 2_000
const REFUSALS = [
  { title: 'Reason' },
  { title: 'Frames', isNumber: true },
  { title: 'Last' },
  { title: 'Last examples', isText: true },
]

/** All that is known of one host, and what can be done with it. */
export function HostView({ name }: { name: string }) {
  const { answer, error, again } = usePoll<HostReport>(`hosts/${part(name)}`, LOOK_EVERY_MS)
  return html`<p><a href=${linkTo('hosts')}>← Hosts</a></p>
    <h1>${name} ${answer !== undefined && html`<${State} name=${answer.status} />`}</h1>
    <${Trouble} error=${error} />
    ${answer !== undefined && html`<${Report} host=${answer} again=${again} />`}`
}

function Report({ host, again }: { host: HostReport; again: () => void }) {
  const { hostname, status, limits } = host
  const nowMs = Date.now()
  const acts = [...hostActs(hostname, status), limitsAct(hostname), cursorAct(hostname, host.cursor)]
  const perSecondHourDay = [limits.eventsPerSecond, limits.eventsPerHour, limits.eventsPerDay]
  const limit = (value: number | null) => (value === null ? 'by trust' : count(value))
  const facts = [
    ['connection', host.connected ? 'open' : 'none'],
    ['accounts', `${count(host.accounts)} of ${count(host.accountLimit)}`],
    ['throttled accounts', count(host.throttledAccounts)],
    ['cursor, last seq', `${host.cursor ?? '–'}, ${host.lastSeq ?? '–'}`],
    ['last event', ago(host.lastEventMs, nowMs)],
    ['last error', host.lastError ?? 'none'],
    ['tried again', host.retryAtMs > nowMs ? moment(host.retryAtMs) : '–'],
    ['failures in a row', count(host.failures)],
    ['first met', `${moment(host.firstMetMs)}, by ${host.source}`],
    ['epoch of its sequence', `${host.epoch}, began anew ${ago(host.sequenceBeganMs, nowMs)}`],
    [
      'events per second, hour, day',
      perSecondHourDay.every((one) => one === null)
        ? 'by trust and size'
        : perSecondHourDay.map(limit).join(', '),
    ],
    [
      'trusted, lenient, a relay',
      [host.trusted, host.lenient, host.upstreamRelay].map((is) => (is ? 'yes' : 'no')).join(', '),
    ],
  ] as const
  const rows = host.refusals.map(({ reason, text, frames, lastMs, examples }) => ({
    key: reason,
    cells: [
      html`<code>${reason}</code><br /><small>${text}</small>`,
      count(frames),
      ago(lastMs, nowMs),
      html`<ul class="plain">
        ${examples
          .slice(0, 5)
          .map(({ did, seq, detail }) => html`<li><code>${did}</code> seq ${seq} ${detail}</li>`)}
      </ul>`,
    ],
  }))
  return html`<${Acts} acts=${acts} then=${again} />
    <section class="box" aria-label="What is known of it"><${Facts} facts=${facts} /></section>
    <${Table} caption="Refused frames" columns=${REFUSALS} rows=${rows} none="Nothing of this host has been refused." />`
}
