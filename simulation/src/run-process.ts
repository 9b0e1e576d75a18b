import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const MAIN = join(import.meta.dirname, 'main.ts')
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/simulation')
/** What Node makes of the sources is kept for the next process. */
const env = { ...process.env, NODE_COMPILE_CACHE: CACHE }

/** Runs the command in a process of its own: a world is made once in each. Resolves to how it ended and what it said. */
export async function runProcess(
  ...args: string[]
): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, output, errors }
}
