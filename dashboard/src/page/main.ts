import { App } from './app.ts'
import { html, render } from './vendor/preact.js'

render(html`<${App} />`, document.getElementById('app') as HTMLElement)
