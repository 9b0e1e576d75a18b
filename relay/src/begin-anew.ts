import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROLE_NAMES } from './cluster/role-names.ts'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/relay')
/**
 * What Node and the C library read before the first line of ours runs.
 * - Node takes the types off each file at each start, in each thread. What it made of them is kept beside the packages, if
 *   that may be written: a start takes 0.6 of the CPU, and each thread 17 MB less, for the parser is not loaded.
 * - The C library gives buffers of 68 KiB and more back to the system at once, where it would keep them in holes between
 *   others; parts of a socket's data (64 KiB) are below that. Threads share two of its heaps.
 */
const SURROUNDINGS = {
  NODE_COMPILE_CACHE: CACHE,
  MALLOC_MMAP_THRESHOLD_: String(68 * 1024),
  MALLOC_ARENA_MAX: '2',
}
/**
 * How V8 collects garbage. Frames and what is made of them die young: a larger nursery only holds more of them, and to wake
 * other threads for what survives costs more than they do. By itself V8 lets the small heap of a relay grow by so little
 * that at 300 events a second it is searched as a whole every 2.5 s, which was a third of an event's CPU.
 */
const FLAGS = ['--max-semi-space-size=4', '--no-parallel-scavenge', '--heap-growing-percent=60']
/** What runs for long; all else is over before it would pay. */
const SERVICES: readonly (string | undefined)[] = [undefined, 'all', ...ROLE_NAMES]
/** The argument by which a process only loads what a relay loads. */
export const PREPARE = 'prepare-cache'
const PREPARE_MS = 30_000
/** What is loaded late, or by a thread. */
const MODULES = [
  './command.ts',
  './embedded.ts',
  './cluster/cluster.ts',
  '@bgs/database/sqlite-worker.ts',
  '@bgs/verifier/verify/worker.ts',
  '@bgs/fanout/serve/thread.ts',
]

type Env = Readonly<Record<string, string | undefined>>

/**
 * Has this process begin anew, under the same id, with its surroundings as they should be: whatever starts the relay need
 * not know them. Returns where they are so already, as an operator has set them, or where the system cannot do that.
 */
export function beginAnew(args: readonly string[], env: Env): void {
  const missing = Object.entries(SURROUNDINGS).filter(([name]) => env[name] === undefined)
  const given = process.execArgv.map(nameOf)
  const flags = [...process.execArgv, ...FLAGS.filter((flag) => !given.includes(nameOf(flag)))]
  const isService = SERVICES.includes(args.find((arg) => !arg.startsWith('-')))
  if (missing.length === 0 && flags.length === process.execArgv.length) return
  if (!isService || args.includes('--help') || args.includes('--version')) return
  if (process.execve === undefined || process.send !== undefined) return
  // A debugger would have to be let in twice.
  if (process.execArgv.some((flag) => flag.startsWith('--inspect'))) return
  const surroundings = { ...env, ...Object.fromEntries(missing) } as NodeJS.ProcessEnv
  prepareCache(surroundings, flags)
  const warn = process.emitWarning
  // It is one of Node's experiments, of which it would tell at each start.
  process.emitWarning = () => undefined
  try {
    process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], surroundings)
  } catch {
    process.emitWarning = warn
  }
}

/** Fills the cache before its first use, a second's work: else that life would hold the parser of each thread for good. */
function prepareCache(env: NodeJS.ProcessEnv, flags: readonly string[]): void {
  const folder = env['NODE_COMPILE_CACHE'] ?? ''
  // Node keeps apart what was made under other flags.
  const key = createHash('sha256')
    .update(JSON.stringify([process.version, flags]))
    .digest('hex')
  const mark = join(folder, `${key.slice(0, 16)}.prepared`)
  if (folder === '' || existsSync(mark)) return
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(mark, '')
  } catch {
    // It may not be written: each life does without.
    return
  }
  const command = [...flags, process.argv[1] as string, PREPARE]
  spawnSync(process.execPath, command, { env, stdio: 'ignore', timeout: PREPARE_MS })
}

/** Loads all that a relay loads, so that Node keeps what it makes of it. */
export async function loadAll(): Promise<void> {
  // What belongs to a thread fails outside of one, after it was loaded.
  for (const module of MODULES) await import(module).catch(() => undefined)
}

/** Of a flag of Node, without its value. */
function nameOf(flag: string): string {
  return flag.split('=')[0] as string
}
