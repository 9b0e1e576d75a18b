import { Api, ApiError } from './api.ts'
import { html, useState } from './vendor/preact.js'

const KEPT = 'relay-password'

/** The password that the operator had this tab keep. */
export function keptPassword(): string | null {
  return sessionStorage.getItem(KEPT)
}

/** Forgets it. */
export function forgetPassword(): void {
  sessionStorage.removeItem(KEPT)
}

/** Asks for the password; it stays in memory, and beyond a reload only where that is ticked. */
export function Login({ why, onApi }: { why: string; onApi: (api: Api) => void }) {
  const [message, setMessage] = useState(why)
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const password = String(form.get('password') ?? '')
    const api = new Api(password)
    setBusy(true)
    try {
      await api.get('openapi.json')
      if (form.get('keep') === 'yes') sessionStorage.setItem(KEPT, password)
      onApi(api)
    } catch (error) {
      const isWrong = error instanceof ApiError && error.status === 401
      setMessage(isWrong ? 'This is not the password.' : (error as Error).message)
      setBusy(false)
    }
  }
  return html`<main class="login">
    <form class="stacked framed" onSubmit=${submit}>
      <h1>Relay</h1>
      <p>The password is one of RELAY_ADMIN_PASSWORD.</p>
      <input type="text" name="user" value="admin" autocomplete="username" hidden readonly />
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required autofocus />
      <label class="tick"><input type="checkbox" name="keep" value="yes" /> Keep it until this tab is closed</label>
      <p class="bad" role="alert">${message}</p>
      <button type="submit" class="first" disabled=${isBusy}>Log in</button>
    </form>
  </main>`
}
