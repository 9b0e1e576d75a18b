import { subscriberAct } from '../acts.ts'
import type { SubscriberInList } from '../answers.ts'
import { ago, bytes, count, perSecond } from '../format.ts'
import { Acts, Trouble } from '../parts.ts'
import { usePoll } from '../relay-context.ts'
import { Table } from '../table.ts'
import { html } from '../vendor/preact.js'

const LOOK_EVERY_MS = 2_000
const COLUMNS = [
  { title: 'Address' },
  { title: 'Software', isText: true },
  { title: 'Since' },
  { title: 'Position', isNumber: true },
  { title: 'Bytes behind', isNumber: true },
  { title: 'Events/s', isNumber: true },
  { title: 'Sent', isNumber: true },
  { title: 'Act' },
]

/** Who reads the stream, those that are furthest behind first. */
export function SubscribersView() {
  const { answer, error, again } = usePoll<{ head: number; consumers: SubscriberInList[] }>(
    'consumers',
    LOOK_EVERY_MS,
  )
  const head = answer?.head ?? 0
  const rows = (answer?.consumers ?? [])
    .toSorted((a, b) => a.next - b.next)
    .map((one) => {
      return {
        key: one.id,
        cells: [
          one.address,
          one.userAgent === '' ? '–' : one.userAgent,
          ago(one.sinceMs, Date.now()),
          String(one.next - 1),
          bytes(one.bytesBehind + one.queuedBytes),
          perSecond(one.eventsPerSecond),
          `${count(one.events)}, ${bytes(one.bytes)}`,
          html`<${Acts} acts=${[subscriberAct(one.id, one.address)]} then=${again} />`,
        ],
      }
    })
  return html`<h1>Consumers</h1>
    <p class="quiet">Newest seq ${head}. Bytes behind: what is left of the log, and what waits in the socket.</p>
    <${Trouble} error=${error} />
    <${Table} caption="Consumers" columns=${COLUMNS} rows=${rows} none="Nobody reads the stream." />`
}
