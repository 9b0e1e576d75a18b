import { hostsByState } from '../reports/host-report.ts'
import { html } from './html.ts'
import { type PageView, page } from './page.ts'
import { countText } from './words.ts'

const SUBSCRIBE = '/xrpc/com.atproto.sync.subscribeRepos'

/** `/`: what this relay is, where it stands, how to connect and how to be crawled. */
export const homePage = page(async (_params, context): Promise<PageView> => {
  const { first, next } = context.log.bounds()
  const view = {
    relay: true,
    head: next - 1,
    oldest: first,
    windowHours: context.windowHours,
    eventsPerSecond: context.eventsPerSecond(),
    hosts: await hostsByState(context.database),
    subscribe: SUBSCRIBE,
    requestCrawl: '/xrpc/com.atproto.sync.requestCrawl',
  }
  const body = html`
<p>This is a relay of the <a href="https://atproto.com">AT Protocol</a>: it reads the event streams of many personal data
servers, checks every event, and streams all that is valid in one order.</p>
<dl><dt>newest seq</dt><dd>${countText(view.head)}</dd>
<dt>oldest seq kept</dt><dd>${countText(view.oldest)} (the window is up to ${view.windowHours} hours)</dd>
<dt>events</dt><dd>${view.eventsPerSecond} a second, of late</dd>
<dt>hosts</dt><dd>${Object.entries(view.hosts).map(([state, count]) => html`<a href="/hosts?status=${state}">${countText(count)} ${state}</a> `)}</dd></dl>
<h2>Subscribe</h2>
<p>With any client of <code>com.atproto.sync.subscribeRepos</code>: a WebSocket at <code>${SUBSCRIBE}</code> of this
address. Without <code>cursor</code> you get what happens from now on, with <code>cursor=0</code> the whole window first,
else what comes after that seq. Keep the last seq that you have dealt with, and come back with it. Verify what you get:
a relay protects the network, it is not who you trust.</p>
<h2>Have your server crawled</h2>
<pre>curl -X POST -H 'content-type: application/json' -d '{"hostname":"pds.example.com"}' \\
  https://THIS-RELAY/xrpc/com.atproto.sync.requestCrawl</pre>
<p>PDS software calls this by itself when it is told the relay's address. How your server fares is on
<a href="/hosts">its page</a>.</p>
<h2>Why does the relay not carry my account?</h2>
<form action="/accounts"><label>DID <input name="did" size="40" placeholder="did:plc:…" required></label></form>
<p>The page of an account says what its host and this relay say of it, what was refused last, why, and what to do.</p>`
  return { title: 'A relay of the AT Protocol', json: '/?format=json', view, body }
})
