import { ADD_HOST } from '../acts.ts'
import type { HostSummary } from '../answers.ts'
import { part } from '../api.ts'
import { ago, count } from '../format.ts'
import { Acts, State, Trouble } from '../parts.ts'
import { linkTo } from '../place.ts'
import { usePoll } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html, useState } from '../vendor/preact.js'

const PAGE = 100
const LOOK_EVERY_MS = 3_000
const STATES = ['active', 'idle', 'offline', 'throttled', 'banned', 'paused']
const ORDERS = [
  ['name', 'name'],
  ['lag', 'what is not safe yet'],
  ['silence', 'longest silence'],
  ['refusals', 'most refused'],
  ['accounts', 'most accounts'],
] as const
const COLUMNS = [
  { title: 'Host' },
  { title: 'State' },
  { title: 'Accounts', isNumber: true },
  { title: 'Not safe yet', isNumber: true },
  { title: 'Refused', isNumber: true },
  { title: 'Last event' },
  { title: 'Last error', isText: true },
]

/** Hosts, with search. */
export function HostsView() {
  const asked = location.hash.split('?')[1] ?? ''
  const [search, setSearch] = useState('')
  const [status, setStatus] = useState(STATES.includes(asked) ? asked : '')
  const [order, setOrder] = useState('name')
  const [offset, setOffset] = useState(0)
  const query = `limit=${PAGE}&offset=${offset}&order=${order}&status=${status}&q=${part(search.trim())}`
  const { answer, error, again } = usePoll<{ hosts: HostSummary[] }>(`hosts?${query}`, LOOK_EVERY_MS)
  const chosen = (set: (value: string) => void) => (event: Event) => {
    set((event.currentTarget as HTMLInputElement | HTMLSelectElement).value)
    setOffset(0)
  }
  const hosts = answer?.hosts ?? []
  return html`<h1>Hosts</h1>
    <form class="filters" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>Name holds <input type="search" value=${search} onInput=${chosen(setSearch)} autocomplete="off" /></label>
      <label
        >State
        <select value=${status} onChange=${chosen(setStatus)}>
          <option value="">any</option>
          ${STATES.map((state) => html`<option value=${state}>${state}</option>`)}
        </select></label
      >
      <label
        >Order
        <select value=${order} onChange=${chosen(setOrder)}>
          ${ORDERS.map(([value, title]) => html`<option value=${value}>${title}</option>`)}
        </select></label
      >
    </form>
    <${Trouble} error=${error} />
    <${Table}
      caption="Hosts"
      columns=${COLUMNS}
      rows=${hosts.map(rowOf)}
      none=${answer === undefined ? 'One moment.' : 'No such host.'}
    />
    <div class="pager">
      <${Acts} acts=${[ADD_HOST]} then=${again} />
      <button type="button" disabled=${offset === 0} onClick=${() => setOffset(Math.max(0, offset - PAGE))}>
        Previous
      </button>
      <button type="button" disabled=${hosts.length < PAGE} onClick=${() => setOffset(offset + PAGE)}>Next</button>
    </div>`
}

function rowOf(host: HostSummary) {
  const { hostname, status, connected, accounts, cursor, lastSeq, refusedFrames, lastEventMs, lastError } =
    host
  return {
    key: hostname,
    cells: [
      html`<a href=${linkTo('hosts', hostname)}>${hostname}</a>`,
      html`<${State} name=${status} />${connected ? '' : ' not connected'}`,
      count(accounts),
      count(Math.max(0, (lastSeq ?? 0) - (cursor ?? 0))),
      count(refusedFrames),
      ago(lastEventMs, Date.now()),
      lastError ?? '',
    ],
  }
}
