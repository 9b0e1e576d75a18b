import type { AuditEntry } from '../answers.ts'
import { moment } from '../format.ts'
import { Trouble } from '../parts.ts'
import { usePoll } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html, useState } from '../vendor/preact.js'

const LOOK_EVERY_MS = 4_000
const PAGE = 100
const COLUMNS = [
  { title: 'When' },
  { title: 'Act' },
  { title: 'About' },
  { title: 'Why', isText: true },
  { title: 'Who' },
  { title: 'Details', isText: true },
]

/** What operators did, newest first. */
export function AuditView() {
  const [before, setBefore] = useState(0)
  const path = `audit?limit=${PAGE}${before === 0 ? '' : `&before=${before}`}`
  const { answer, error } = usePoll<{ entries: AuditEntry[] }>(path, LOOK_EVERY_MS)
  const entries = answer?.entries ?? []
  const rows = entries.map(({ id, atMs, act, subject, why, who, detail }) => ({
    key: id,
    cells: [moment(atMs), act, subject, why, who, detailOf(detail)],
  }))
  return html`<h1>Audit log</h1>
    <${Trouble} error=${error} />
    <${Table} caption="What operators did" columns=${COLUMNS} rows=${rows} none="Nothing yet." />
    <div class="pager">
      <button type="button" disabled=${before === 0} onClick=${() => setBefore(0)}>Newest</button>
      <button
        type="button"
        disabled=${entries.length < PAGE}
        onClick=${() => setBefore(entries.at(-1)?.atMs ?? 0)}
      >
        Older
      </button>
    </div>`
}

function detailOf(detail: unknown): string {
  const text = JSON.stringify(detail)
  return text === '{}' ? '' : text
}
