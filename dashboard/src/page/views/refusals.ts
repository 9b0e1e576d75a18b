import type { Overview } from '../answers.ts'
import { ratesBy } from '../figures.ts'
import { ago, count, perSecond } from '../format.ts'
import type { History } from '../history.ts'
import { Table } from '../table.ts'
import { html } from '../vendor/preact.js'

const COUNTERS = ['crawler_refused_frames', 'verifier_refused_frames', 'sequencer_refused_events']

/** Verdicts by reason: all there were, and how many come now. */
export function Refusals({ history, overview }: { history: History; overview: Overview }) {
  const [first, now] = [history.readings[0], history.readings.at(-1)]
  const rates = new Map<string, number>()
  if (first !== undefined && now !== undefined)
    for (const name of COUNTERS)
      for (const [reason, each] of ratesBy(first, now, `relay_${name}_total`, 'reason'))
        rates.set(reason, (rates.get(reason) ?? 0) + each)
  const rows = overview.refusals.map(({ reason, text, frames, lastMs }) => ({
    key: reason,
    cells: [
      html`<code>${reason}</code>`,
      count(frames),
      perSecond(rates.get(reason) ?? 0),
      ago(lastMs, overview.nowMs),
      text,
    ],
  }))
  const columns = [
    { title: 'Reason' },
    { title: 'Frames', isNumber: true },
    { title: 'Now/s', isNumber: true },
    { title: 'Last' },
    { title: 'In words', isText: true },
  ]
  return html`<${Table}
    caption="Refused, by reason"
    columns=${columns}
    rows=${rows}
    none="Nothing has been refused."
  />`
}
