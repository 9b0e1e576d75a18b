import { wait } from '@bgs/runtime/service/wait.ts'

const LOOK_EVERY_MS = 50

export class DeadlineError extends Error {
  override name = 'DeadlineError'
}

/** Resolves when `condition` holds; after `ms` throws an error that says what was waited for, and `state` if given. */
export async function until(
  what: string,
  ms: number,
  condition: () => boolean | Promise<boolean>,
  state: () => string = () => '',
): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new DeadlineError(`${ms} ms passed before ${what}. ${state()}`)
    await wait(LOOK_EVERY_MS)
  }
}
