import type { Reason } from '../reasons/reason.ts'

/** Why blocks or a commit are not valid: a value, never an exception. `detail` is for people. */
export type Fault = { kind: 'fault'; reason: Reason; detail: string }

export function fault(reason: Reason, detail: string): Fault {
  return { kind: 'fault', reason, detail }
}
