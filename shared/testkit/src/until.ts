import { setImmediate as turn } from 'node:timers/promises'
import { wait } from '@bgs/runtime/service/wait.ts'

/** What takes no longer is seen at once; a longer wait is not to cost a core, which what is awaited may need. */
const EACH_TURN_MS = 100
const LOOK_EVERY_MS = 5
/** Another process has to answer each time. */
const ASK_EVERY_MS = 50

export class DeadlineError extends Error {
  override name = 'DeadlineError'
}

/**
 * Resolves when `condition` holds: looked at after each turn of the event loop, after a while every 5 ms; one that
 * answers with a promise, as it asks others, every 50 ms. After `deadlineMs` throws a `DeadlineError`, which says what was
 * awaited, and `state` if given.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 4_000,
  state: () => string = () => '',
): Promise<void> {
  const started = performance.now()
  for (;;) {
    const answer = condition()
    if (await answer) return
    const passedMs = performance.now() - started
    if (passedMs > deadlineMs) throw new DeadlineError(`not within ${deadlineMs} ms: ${what}. ${state()}`)
    if (typeof answer !== 'boolean') await wait(ASK_EVERY_MS)
    else if (passedMs > EACH_TURN_MS) await wait(LOOK_EVERY_MS)
    else await turn()
  }
}
