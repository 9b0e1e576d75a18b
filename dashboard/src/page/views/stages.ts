import type { Overview } from '../answers.ts'
import { quantile, rate, ratesBy, total } from '../figures.ts'
import { bytes, count, perSecond, seconds } from '../format.ts'
import { type History, spanOf } from '../history.ts'
import { Facts } from '../parts.ts'
import { type Child, html } from '../vendor/preact.js'
import { HostStates } from './host-states.ts'

type Fact = readonly [string, Child]

/** What each stage does, in the order in which a frame meets them. */
export function Stages({ history, overview }: { history: History; overview: Overview | undefined }) {
  const span = spanOf(history)
  if (span === undefined) return html`<p class="quiet">Rates need two readings; one moment.</p>`
  const { before, now, oldest: first } = span
  const flow = (name: string, where = {}) => perSecond(rate(before, now, `relay_${name}`, where))
  const byteFlow = (name: string) => `${bytes(rate(before, now, `relay_${name}`))}/s`
  const level = (name: string) => total(now, `relay_${name}`)
  const share = (name: string, q: number) => seconds(quantile(first, now, `relay_${name}`, q))
  const by = (name: string, label: string): Child => {
    const rates = ratesBy(first, now, `relay_${name}`, label)
    return rates.length === 0
      ? 'none'
      : rates.map(([value, each]) => `${value} ${perSecond(each)}`).join(', ')
  }
  const pending = 'relay_bus_pending_bytes'
  // A topic in memory tells what waits in it, one in Kafka does not.
  const waiting = (title: string, topic: string): Fact[] =>
    now.figures[pending] === undefined ? [] : [[title, bytes(total(now, pending, { topic }))]]
  const judging = rate(first, now, 'relay_verifier_judge_seconds_total')
  const stages: readonly (readonly [string, readonly Fact[]])[] = [
    [
      'Crawler',
      [
        ['connected hosts', count(level('crawler_connected_hosts'))],
        ['frames/s', flow('crawler_frames_total')],
        ['bytes', byteFlow('crawler_bytes_total')],
        ['not yet safe', bytes(level('crawler_in_flight_bytes'))],
        ['refused/s', by('crawler_refused_frames_total', 'reason')],
        ['pauses/s', by('crawler_pauses_total', 'cause')],
      ],
    ],
    [
      'Verifier',
      [
        ['passed/s', flow('verifier_frames_total', { outcome: 'passed' })],
        ['marked/s', flow('verifier_frames_total', { outcome: 'marked' })],
        ['refused/s', flow('verifier_frames_total', { outcome: 'refused' })],
        [
          'wait for an identity',
          `${count(level('verifier_held_lanes'))} accounts, ${bytes(level('verifier_held_bytes'))}`,
        ],
        ...waiting('wait to be judged', 'raw'),
        ['judging', `${(judging * 100).toFixed(1)} % of a core`],
      ],
    ],
    [
      'Identities',
      [
        [
          'PLC directory',
          level('verifier_directory_down') > 0 ? html`<b class="bad">does not answer</b>` : 'answers',
        ],
        ['in memory', count(level('verifier_cached_identities'))],
        ['look-ups/s', by('verifier_resolutions_total', 'method')],
        ['results/s', by('verifier_resolutions_total', 'result')],
        [
          'look-up p50, p99',
          `${share('verifier_resolve_seconds', 0.5)}, ${share('verifier_resolve_seconds', 0.99)}`,
        ],
      ],
    ],
    [
      'Sequencer',
      [
        ['newest seq', String(level('sequencer_head_seq'))],
        ['events/s', by('sequencer_events_total', 'outcome')],
        ['refused/s', by('sequencer_refused_events_total', 'reason')],
        ['append p99', share('sequencer_append_seconds', 0.99)],
        [
          'receive to durable p50, p99',
          `${share('sequencer_end_to_end_seconds', 0.5)}, ${share('sequencer_end_to_end_seconds', 0.99)}`,
        ],
        ...waiting('wait to be sequenced', 'verified'),
        ['database behind', `${count(level('sequencer_view_lag_events'))} events`],
      ],
    ],
    [
      'Fan-out',
      [
        ['subscribers', count(level('fanout_subscribers'))],
        ['events/s', flow('fanout_events_total')],
        ['bytes', byteFlow('fanout_bytes_total')],
        ['furthest behind', bytes(level('fanout_furthest_behind_bytes'))],
        ['in send buffers', bytes(level('fanout_queued_bytes'))],
        ['requests p99', share('fanout_request_seconds', 0.99)],
      ],
    ],
  ]
  return html`<section aria-labelledby="stages">
    <h2 id="stages">Stage by stage</h2>
    <div class="stages">
      ${stages.map(([name, facts]) => html`<section class="box"><h3>${name}</h3><${Facts} facts=${facts} /></section>`)}
    ${overview !== undefined && html`<${HostStates} hosts=${overview.hosts} />`}
    </div>
  </section>`
}
