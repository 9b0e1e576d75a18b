import type { Overview } from '../answers.ts'
import { Chart } from '../chart.ts'
import { quantile, rate, total } from '../figures.ts'
import { bytes, count, perSecond, seconds } from '../format.ts'
import { type History, spanOf } from '../history.ts'
import { Trouble } from '../parts.ts'
import { usePoll } from '../relay-context.ts'
import { html } from '../vendor/preact.js'
import { Processes } from './processes.ts'
import { Refusals } from './refusals.ts'
import { Stages } from './stages.ts'

const LOOK_EVERY_MS = 4_000

/** The relay at one look. */
export function OverviewView({ history, error }: { history: History; error: string | undefined }) {
  const overview = usePoll<Overview>('overview', LOOK_EVERY_MS)
  const { answer } = overview
  return html`<h1>Overview</h1>
    <${Trouble} error=${error ?? overview.error} />
    <${Tiles} history=${history} overview=${answer} />
    <${Charts} history=${history} />
    <${Stages} history=${history} overview=${answer} />
    ${
      answer !== undefined &&
      html`<${Refusals} history=${history} overview=${answer} />
        <${Processes} overview=${answer} history=${history} />`
    }`
}

function Tiles({ history, overview }: { history: History; overview: Overview | undefined }) {
  const span = spanOf(history)
  const now = history.readings.at(-1)
  const flow = (name: string) => (span ? perSecond(rate(span.before, span.now, name)) : '–')
  const level = (name: string) => (now ? count(total(now, name)) : '–')
  const late = span && quantile(span.oldest, span.now, 'relay_sequencer_end_to_end_seconds', 0.99)
  const memory = now?.processes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
  const tiles: [string, string, string][] = [
    ['in', 'Events in per second', flow('relay_crawler_frames_total')],
    ['sequenced', 'Sequenced per second', flow('relay_sequencer_events_total')],
    ['out', 'Events out per second', flow('relay_fanout_events_total')],
    ['hosts', 'Connected hosts', level('relay_crawler_connected_hosts')],
    ['subscribers', 'Subscribers', level('relay_fanout_subscribers')],
    ['late', 'Receive to durable p99', seconds(late)],
    ['behind', 'Database behind', bytes(overview?.view.bytesBehind)],
    ['memory', 'Memory', bytes(memory)],
  ]
  return html`<dl class="tiles">
    ${tiles.map(
      ([id, title, value]) =>
        html`<div class="box"><dt>${title}</dt><dd data-figure=${id}>${value}</dd></div>`,
    )}
  </dl>`
}

function Charts({ history: { points } }: { history: History }) {
  const times = points.map(({ atMs }) => atMs / 1_000)
  const flow = [
    { title: 'in', colour: 'one', values: points.map(({ eventsIn }) => eventsIn) },
    { title: 'out', colour: 'two', values: points.map(({ eventsOut }) => eventsOut) },
  ]
  const latency = [
    { title: 'p50', colour: 'one', values: points.map(({ middleSeconds }) => middleSeconds) },
    { title: 'p99', colour: 'two', values: points.map(({ lateSeconds }) => lateSeconds) },
  ]
  return html`<div class="charts">
    <${Chart} title="Events per second" times=${times} lines=${flow} format=${perSecond} />
    <${Chart} title="From receive to durable" times=${times} lines=${latency} format=${seconds} />
  </div>`
}
