import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { until } from '@bgs/testkit/until.ts'

/** How much of what a process said is shown when it fails. */
const LAST_LINES = 40
const STOP_MS = 40_000

export interface RealProcessOptions {
  name: string
  file: string
  args: string[]
  /** Added to the least that a process needs of the environment. */
  env: Record<string, string>
  cwd: string
  /** Called with each line of standard output. */
  onLine?: (line: string) => void
}

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A child process that is ended by its id, at the latest when it goes out of scope. */
export class RealProcess implements AsyncDisposable {
  readonly name: string
  readonly #child: ChildProcess
  readonly #last: string[] = []
  #exit: Exit | undefined

  constructor({ name, file, args, env, cwd, onLine }: RealProcessOptions) {
    this.name = name
    this.#child = spawn(file, args, {
      cwd,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // However this process ends, the child ends too.
    const kill = () => this.#child.kill('SIGKILL')
    process.once('exit', kill)
    this.#child.on('exit', (code, signal) => {
      this.#exit = { code, signal }
      process.off('exit', kill)
    })
    this.#child.on('error', (error) => {
      this.#keep(String(error))
      this.#exit ??= { code: null, signal: null }
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#keep(line)
      onLine?.(line)
    })
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#keep(line))
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  /** The last lines it wrote, for the message of a failure. */
  get lastLines(): string {
    return `${this.name} said last:\n${this.#last.join('\n')}`
  }

  /** Waits for a condition that the process brings about; fails at once when it ends before. */
  async until(what: string, condition: () => boolean | Promise<boolean>, ms: number): Promise<void> {
    let ended = false
    await until(
      `${this.name}: ${what}`,
      async () => {
        ended = !this.running
        return (await condition()) || ended
      },
      ms,
      () => this.lastLines,
    )
    if (ended && !(await condition()))
      throw new Error(`${this.name} ended before ${what}: ${JSON.stringify(this.#exit)}. ${this.lastLines}`)
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.running) this.#child.kill(signal)
    await until(
      `${this.name} ends by ${signal}`,
      () => !this.running,
      STOP_MS,
      () => this.lastLines,
    )
    return this.#exit as Exit
  }

  /** Ends it in order, or by force where that takes too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(() => this.end('SIGKILL'))
  }

  #keep(line: string): void {
    this.#last.push(line.slice(0, 2_000))
    if (this.#last.length > LAST_LINES) this.#last.shift()
  }
}
