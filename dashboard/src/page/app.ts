import { Api } from './api.ts'
import { forgetPassword, keptPassword, Login } from './login.ts'
import { Shell } from './shell.ts'
import { html, useState } from './vendor/preact.js'

/** The whole page: a password first, then the relay. */
export function App() {
  const [api, setApi] = useState<Api | undefined>(() => {
    const kept = keptPassword()
    return kept === null ? undefined : new Api(kept)
  })
  const [why, setWhy] = useState('')
  if (api === undefined) return html`<${Login} why=${why} onApi=${(next: Api) => setApi(() => next)} />`
  const signOut = (reason = '') => {
    forgetPassword()
    setWhy(reason)
    setApi(undefined)
  }
  return html`<${Shell} api=${api} signOut=${signOut} />`
}
