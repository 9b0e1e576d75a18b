import { kill, pid } from 'node:process'

let armed: { name: string; left: number } | undefined

/** Arms one crash point, `name` or `name:n` for its n-th passage. Called from main only, by environment. */
export function armCrashPoint(spec: string | undefined): void {
  if (spec === undefined || spec === '') return
  const [name = '', times = '1'] = spec.split(':')
  armed = { name, left: Number(times) }
}

/** A named place at which tests end the process with SIGKILL, to see what a restart makes of it (style 23). */
export function crashPoint(name: CrashPoint): void {
  if (armed === undefined || armed.name !== name) return
  if (--armed.left <= 0) kill(pid, 'SIGKILL')
}

/** The places, in the order in which a frame passes them. */
export const CRASH_POINTS = [
  'after-receive',
  'after-verify',
  'before-append',
  'after-write',
  'after-append',
  'before-view',
  'after-view',
  'before-cursor',
  'after-cursor',
] as const
/** Those that only a role of a cluster passes, beside its own of the others. */
export const CLUSTER_CRASH_POINTS = [
  'after-produce',
  'after-land',
  'before-position',
  'after-position',
] as const
export type CrashPoint = (typeof CRASH_POINTS | typeof CLUSTER_CRASH_POINTS)[number]
