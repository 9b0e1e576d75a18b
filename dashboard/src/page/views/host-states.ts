import type { Overview } from '../answers.ts'
import { count } from '../format.ts'
import { linkTo } from '../place.ts'
import { html } from '../vendor/preact.js'

/** How many hosts there are in each state; each leads to those. */
export function HostStates({ hosts }: { hosts: Overview['hosts'] }) {
  const states = Object.entries(hosts)
  return html`<section class="box">
    <h3>Hosts by state</h3>
    ${states.length === 0 && html`<p class="quiet">No host is known yet.</p>`}
    <ul class="chips">
      ${states.map(
        ([state, hosts]) =>
          html`<li><a class="chip" href=${`${linkTo('hosts')}?${state}`}>${state} <b>${count(hosts)}</b></a></li>`,
      )}
    </ul>
  </section>`
}
