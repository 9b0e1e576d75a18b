import { type Act, bodyOf, type Field } from './acts.ts'
import { useRelay } from './relay-context.ts'
import { html, useEffect, useRef, useState } from './vendor/preact.js'

interface Props {
  readonly act: Act
  readonly onDone: (said: string, isBad: boolean) => void
  readonly onCancel: () => void
}

/** Repeats what will happen, asks why, and only then has it done. Escape leaves everything as it is. */
export function ActDialog({ act, onDone, onCancel }: Props) {
  const { api } = useRelay()
  const dialog = useRef<HTMLDialogElement | null>(null)
  const [refusal, setRefusal] = useState('')
  const [isBusy, setBusy] = useState(false)
  useEffect(() => {
    const element = dialog.current
    element?.showModal()
    // What had the focus gets it back.
    return () => element?.close()
  }, [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const given = Object.fromEntries([...form].map(([name, value]) => [name, String(value)]))
    setBusy(true)
    try {
      await api.post(act.path, bodyOf(act, given['why'] ?? '', given))
      onDone(`Done: ${act.title.replace(/\?$/, '')}.`, false)
    } catch (error) {
      setRefusal(`Refused: ${(error as Error).message}`)
      setBusy(false)
    }
  }
  const leave = (event: Event) => {
    event.preventDefault()
    onCancel()
  }
  return html`<dialog ref=${dialog} aria-labelledby="act-title" aria-describedby="act-effect" onCancel=${leave}>
    <form class="stacked" onSubmit=${submit}>
      <h2 id="act-title">${act.title}</h2>
      <p id="act-effect">${act.effect}</p>
      ${(act.fields ?? []).map((field) => html`<${FieldInput} field=${field} />`)}
      <label for="act-why">Why? (for the audit log)</label>
      <input id="act-why" name="why" required maxlength="500" autocomplete="off" pattern=".*\\S.*" />
      <p class="bad" role="alert">${refusal}</p>
      <div class="buttons">
        <button type="button" onClick=${onCancel}>Cancel</button>
        <button type="submit" class=${act.isGrave === true ? 'grave' : 'first'} disabled=${isBusy}>
          ${act.verb}
        </button>
      </div>
    </form>
  </dialog>`
}

const PATTERNS = { text: '.*\\S.*', count: '\\d*', cursor: '\\d+|live' }

function FieldInput({ field }: { field: Field }) {
  const { name, label, hint, kind, value } = field
  const id = `act-${name}`
  if (kind === 'choice')
    return html`<label for=${id}>${label}</label>
      <select id=${id} name=${name}>
        <option value="">as it is</option>
        <option value="yes">yes</option>
        <option value="no">no</option>
      </select>`
  return html`<label for=${id}>${label}${hint !== undefined && html` <small>(${hint})</small>`}</label>
    <input
      id=${id}
      name=${name}
      defaultValue=${value}
      inputmode=${kind === 'count' ? 'numeric' : 'text'}
      required=${kind === 'text' || kind === 'cursor'}
      pattern=${PATTERNS[kind]}
      autocomplete="off"
    />`
}
