import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { watchOver } from '@bgs/testkit/servers/watchdog.ts'
import { DeadlineError } from '@bgs/testkit/until.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../relay/src/main.ts', import.meta.url))

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One process of the relay's command, from its start to its end. */
export class DurabilityProcess {
  readonly ended: Promise<Exit>
  readonly #child: ChildProcess
  #output = ''
  #running = true

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const { PATH = '', HOME = '' } = process.env
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      cwd: ROOT,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString('utf8')
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    const release = watchOver(this.#child.pid as number, '')
    this.#child.once('exit', release)
    // With `close`, unlike `exit`, all that it said has been read.
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#running = false
      return { code: code as number | null, signal: signal as NodeJS.Signals | null }
    })
  }

  get running(): boolean {
    return this.#running
  }

  /** All it said. */
  get output(): string {
    return this.#output
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits until it has ended; after `ms` an error says what it said last. */
  async endedWithin(ms: number): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new DeadlineError(`${ms} ms passed and the relay runs. It said: ${this.output.slice(-3_000)}`),
          ),
        ms,
      )
    })
    try {
      return await Promise.race([this.ended, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
