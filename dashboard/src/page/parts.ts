import type { Act } from './acts.ts'
import { useRelay } from './relay-context.ts'
import { type Child, html } from './vendor/preact.js'

/** What could not be had; nothing where it could. */
export function Trouble({ error }: { error: string | undefined }) {
  return error !== undefined && html`<p class="bad trouble" role="alert">${error}</p>`
}

const STATES: Readonly<Record<string, string>> = {
  active: 'good',
  connected: 'good',
  banned: 'bad',
  takendown: 'bad',
  suspended: 'bad',
  offline: 'warn',
  throttled: 'warn',
  paused: 'warn',
}

/** A state: in words, and in a colour beside them. */
export function State({ name }: { name: string }) {
  return html`<span class=${`state ${STATES[name] ?? ''}`}>${name}</span>`
}

/** Names and values. */
export function Facts({ facts }: { facts: readonly (readonly [string, Child])[] }) {
  return html`<dl class="facts">
    ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`
}

/** A button for each act; `then` runs when one is done. */
export function Acts({ acts, then }: { acts: readonly Act[]; then?: () => void }) {
  const { ask } = useRelay()
  return html`<div class="acts">
    ${acts.map(
      (act) =>
        html`<button
          type="button"
          class=${act.isGrave === true ? 'grave' : ''}
          onClick=${() => ask(act, then)}
        >
          ${act.verb}
        </button>`,
    )}
  </div>`
}
