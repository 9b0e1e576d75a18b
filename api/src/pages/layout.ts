import { createHash } from 'node:crypto'
import { type Html, html } from './html.ts'

const STYLE = `:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6570;--line:#d8dde3;--ground:#fff;--mark:#0a58ca}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#98a2ad;--line:#343b43;--ground:#14181c;--mark:#7db3ff}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:60rem;margin:0 auto;padding:1rem}
a{color:var(--mark)}nav a{margin-right:1rem}h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.3rem 1rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:600}.say{border-left:4px solid var(--mark);padding:.2rem 0 .2rem 1rem}code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:color-mix(in srgb,var(--line) 35%,transparent);padding:.6rem}.dim{color:var(--dim)}input{font:inherit;padding:.3rem .5rem;max-width:100%}`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Nothing but the page's own style; nobody may frame it. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'public, max-age=5',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
}

/** A whole page; `json` is where the same is as JSON. */
export function layout(title: string, json: string, body: Html): string {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE_TEXT}</style></head>
<body><nav><a href="/">Relay</a><a href="/hosts">Hosts</a><a href="/accounts">Accounts</a></nav>
<main><h1>${title}</h1>${body}</main>
<footer><p class="dim">The same as JSON: <a href="${json}">${json}</a></p></footer></body></html>
`
  return page.text
}

const STYLE_TEXT = html([STYLE] as unknown as TemplateStringsArray)
