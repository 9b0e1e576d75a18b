import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Exit, freePort, RealProcess } from './real-process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MAIN = join(ROOT, 'relay/src/main.ts')
const READY_MS = 30_000
const END_MS = 60_000

/** The relay as a process that is killed and started again, always on one data folder and the same two ports. */
export class DurabilityRelay implements AsyncDisposable {
  readonly folder: string
  readonly url: string
  readonly #env: Record<string, string>
  #process: RealProcess | undefined
  #lines: string[] = []

  private constructor(folder: string, port: number, opsPort: number, env: Record<string, string>) {
    this.folder = folder
    this.url = `http://127.0.0.1:${port}`
    this.#env = {
      RELAY_DATA_DIR: folder,
      RELAY_PORT: String(port),
      RELAY_HOST: '127.0.0.1',
      RELAY_OPS_PORT: String(opsPort),
      ...env,
    }
  }

  static async create(folder: string, env: Record<string, string>): Promise<DurabilityRelay> {
    return new DurabilityRelay(folder, await freePort(), await freePort(), env)
  }

  /** Starts the process and returns at once. */
  spawn(extra: Record<string, string> = {}): void {
    if (this.running) throw new Error('the relay runs already')
    this.#lines = []
    this.#process = this.#run([], extra)
  }

  /** Starts the process and waits until it is ready. */
  async start(): Promise<void> {
    this.spawn()
    if (!(await this.readyOrEnded())) throw new Error(`the relay ended at once. ${this.said}`)
  }

  get running(): boolean {
    return this.#process?.running ?? false
  }

  /** All it said since it was started. */
  get said(): string {
    return this.#lines.join('\n')
  }

  /** Whether it became ready, or false where it ended before. */
  async readyOrEnded(): Promise<boolean> {
    const process = this.#started()
    let ready = false
    await process.until('it is ready or has ended', READY_MS, async () => {
      ready = await this.#answers('/readyz')
      return ready || !process.running
    })
    return ready
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#env['RELAY_OPS_PORT']}/metrics`)
    const lines = (await response.text()).split('\n')
    return lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  /** Waits for something that the process brings about; fails at once when it ends before. */
  until(what: string, ms: number, condition: () => boolean | Promise<boolean>): Promise<void> {
    return this.#started().until(what, ms, condition)
  }

  /** Waits until the process has ended of itself. */
  async ended(ms = END_MS): Promise<Exit> {
    const process = this.#started()
    await process.until('it ends', ms, () => !process.running)
    return process.end()
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#started().signal(signal)
  }

  /** Ends it and says how it ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    return this.#started().end(signal)
  }

  /** Runs another command, or a second relay, on the same settings to its end. */
  async command(args: string[], extra: Record<string, string> = {}): Promise<Exit & { said: string }> {
    const lines: string[] = []
    const process = this.#run(args, extra, lines)
    await process.until('it ends', END_MS, () => !process.running)
    return { ...(await process.end()), said: `${lines.join('\n')}\n${process.lastLines}` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  #started(): RealProcess {
    if (this.#process === undefined) throw new Error('the relay was not started')
    return this.#process
  }

  #run(args: string[], extra: Record<string, string>, lines = this.#lines): RealProcess {
    return new RealProcess({
      name: 'relay',
      file: process.execPath,
      args: [MAIN, ...args],
      env: { ...this.#env, ...extra },
      cwd: ROOT,
      onLine: (line) => lines.push(line),
    })
  }

  async #answers(path: string): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#env['RELAY_OPS_PORT']}${path}`)
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      return false
    }
  }
}
