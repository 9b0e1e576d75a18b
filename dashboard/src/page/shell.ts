import { ActDialog } from './act-dialog.ts'
import type { Act } from './acts.ts'
import type { Reading } from './answers.ts'
import type { Api } from './api.ts'
import { type History, NO_HISTORY, withReading } from './history.ts'
import { linkTo } from './place.ts'
import { RelayContext, usePoll } from './relay-context.ts'
import { usePlace } from './use-place.ts'
import { html, useEffect, useState } from './vendor/preact.js'
import { AccountsView } from './views/accounts.ts'
import { AuditView } from './views/audit.ts'
import { HostView } from './views/host.ts'
import { HostsView } from './views/hosts.ts'
import { OverviewView } from './views/overview.ts'
import { StreamView } from './views/stream.ts'
import { SubscribersView } from './views/subscribers.ts'

const VIEWS = [
  ['overview', 'Overview'],
  ['hosts', 'Hosts'],
  ['accounts', 'Accounts'],
  ['consumers', 'Consumers'],
  ['stream', 'Stream'],
  ['audit', 'Audit log'],
] as const
const READ_EVERY_MS = 2_000

interface Asked {
  readonly act: Act
  readonly then: (() => void) | undefined
}

/** Navigation, the view that one is at, the dialog that confirms acts, and what came of the last one. */
export function Shell({ api, signOut }: { api: Api; signOut: (why?: string) => void }) {
  const [asked, setAsked] = useState<Asked | undefined>(undefined)
  const [said, setSaid] = useState({ text: '', isBad: false })
  const { view, about } = usePlace()
  useEffect(() => {
    setSaid({ text: '', isBad: false })
    return undefined
  }, [view, about])
  const done = (text: string, isBad: boolean) => {
    if (!isBad) asked?.then?.()
    setAsked(undefined)
    setSaid({ text, isBad })
  }
  const relay = { api, signOut, ask: (act: Act, then?: () => void) => setAsked({ act, then }) }
  return html`<${RelayContext.Provider} value=${relay}>
    <a class="skip" href="#main" onClick=${toMain}>Skip to content</a>
    <${Navigation} onLeave=${() => signOut()} />
    <main id="main" tabindex="-1">
    <div class=${`said ${said.isBad ? 'bad' : 'good'}`} role="status" aria-live="polite">
      ${
        said.text !== '' &&
        html`<p>${said.text}</p>
          <button type="button" aria-label="Dismiss this message" onClick=${() => setSaid({ text: '', isBad: false })}>
            ×
          </button>`
      }
    </div>
      <${View} />
    </main>
    ${asked !== undefined && html`<${ActDialog} act=${asked.act} onDone=${done} onCancel=${() => setAsked(undefined)} />`}
  </${RelayContext.Provider}>`
}

/** The part behind the # is the place that one is at: the link must not change it. */
function toMain(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

function Navigation({ onLeave }: { onLeave: () => void }) {
  const { view } = usePlace()
  return html`<header class="top">
    <span class="name" aria-hidden="true">Relay</span>
    <nav aria-label="Views">
      ${VIEWS.map(
        ([name, title]) =>
          html`<a href=${linkTo(name)} aria-current=${name === view ? 'page' : undefined}>${title}</a>`,
      )}
    </nav>
    <button type="button" class="leave" onClick=${onLeave}>Log out</button>
  </header>`
}

/** Figures are read whichever view is shown, so that the charts have no holes. */
function View() {
  const { view, about } = usePlace()
  const { answer, error } = usePoll<Reading>('figures', READ_EVERY_MS)
  const [history, setHistory] = useState<History>(NO_HISTORY)
  useEffect(() => {
    // When it came here, on a clock that only goes forward: that of the relay's machine may be set.
    const nowMs = performance.timeOrigin + performance.now()
    if (answer !== undefined) setHistory((before) => withReading(before, { ...answer, nowMs }))
    return undefined
  }, [answer])
  useEffect(() => {
    document.title = `${VIEWS.find(([name]) => name === view)?.[1] ?? 'Relay'}${about === '' ? '' : `: ${about}`} – Relay`
    return undefined
  }, [view, about])
  if (view === 'hosts')
    return about === '' ? html`<${HostsView} />` : html`<${HostView} key=${about} name=${about} />`
  if (view === 'accounts') return html`<${AccountsView} key=${about} did=${about} />`
  if (view === 'consumers') return html`<${SubscribersView} />`
  if (view === 'stream') return html`<${StreamView} />`
  if (view === 'audit') return html`<${AuditView} />`
  return html`<${OverviewView} history=${history} error=${error} />`
}
