import type { ShortEvent } from '../answers.ts'
import { Trouble } from '../parts.ts'
import { linkTo } from '../place.ts'
import { usePoll } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html, useState } from '../vendor/preact.js'

const LOOK_EVERY_MS = 1_000
const COLUMNS = [{ title: 'Seq' }, { title: 'Type' }, { title: 'Account' }, { title: 'What', isText: true }]

/** A sample of the stream as it passes by. */
export function StreamView() {
  const [isPaused, setPaused] = useState(false)
  const { answer, error } = usePoll<{ events: ShortEvent[] }>('events?limit=50', LOOK_EVERY_MS)
  const [kept, setShown] = useState<readonly ShortEvent[]>([])
  const events = isPaused ? kept : (answer?.events ?? []).toReversed()
  const hold = () => {
    setShown(events)
    setPaused(!isPaused)
  }
  const rows = events.map((event) => ({
    key: String(event.seq),
    cells: [
      String(event.seq),
      event.type,
      html`<a href=${linkTo('accounts', event.did)}>${event.did}</a>`,
      whatOf(event),
    ],
  }))
  return html`<h1>Stream</h1>
    <p>
      <button type="button" aria-pressed=${isPaused} onClick=${hold}>${isPaused ? 'Go on' : 'Hold'}</button>
      <span class="quiet"> The newest 50 events, once a second.</span>
    </p>
    <${Trouble} error=${error} />
    <${Table} caption="Live sample" columns=${COLUMNS} rows=${rows} none="Nothing is in the log yet." />`
}

function whatOf({ ops, rev, active, status }: ShortEvent): string {
  if (ops !== undefined) return ops.join(', ')
  if (active !== undefined) return active ? 'active' : (status ?? 'inactive')
  return rev ?? ''
}
