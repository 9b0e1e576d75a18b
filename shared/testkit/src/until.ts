import { setImmediate as turn } from 'node:timers/promises'

/** Turns the event loop until `condition` holds. Throws where it does not within `deadlineMs`; `what` says what was awaited. */
export async function until(what: string, condition: () => boolean, deadlineMs = 4_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await turn()
  }
}
