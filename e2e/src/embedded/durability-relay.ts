import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { until } from '@bgs/testkit/until.ts'
import { DurabilityProcess, type Exit } from './durability-process.ts'

const READY_MS = 30_000
const END_MS = 40_000

/** The relay, killed and started again, always on one data folder and the same two ports. */
export class DurabilityRelay implements AsyncDisposable {
  readonly folder: string
  readonly url: string
  readonly #opsUrl: string
  readonly #env: Record<string, string>
  #process: DurabilityProcess | undefined

  private constructor(folder: string, port: number, opsPort: number, env: Record<string, string>) {
    this.folder = folder
    this.url = `http://127.0.0.1:${port}`
    this.#opsUrl = `http://127.0.0.1:${opsPort}`
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
    this.#process = new DurabilityProcess([], {
      ...this.#env,

      ...extra,
    })
  }

  /** Starts the process and waits until it is ready. */
  async start(): Promise<void> {
    this.spawn()
    if (!(await this.readyOrEnded())) throw new Error(`the relay ended at once. It said: ${this.output}`)
  }

  get running(): boolean {
    return this.#process?.running ?? false
  }

  /** All it said since it was started. */
  get output(): string {
    return this.#process?.output ?? ''
  }

  /** Whether it became ready, or false where it ended before. */
  async readyOrEnded(): Promise<boolean> {
    let ready = false
    await until(
      'the relay is ready or has ended',
      async () => {
        ready = await this.#isReady()
        return ready || !this.running
      },
      READY_MS,
    )
    return ready
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const lines = (await (await fetch(`${this.#opsUrl}/metrics`)).text()).split('\n')
    return lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  /** Waits for what the running relay should bring about; fails at once where it ends before. */
  async until(what: string, condition: () => boolean | Promise<boolean>, ms: number): Promise<void> {
    await until(
      what,
      async () => !this.running || (await condition()),
      ms,
      () => this.output.slice(-3_000),
    )
    if (!this.running)
      throw new Error(`the relay ended before ${what}. It said: ${this.output.slice(-3_000)}`)
  }

  /** Waits until the process has ended of itself. */
  ended(ms = END_MS): Promise<Exit> {
    return this.#started().endedWithin(ms)
  }

  /** Ends it and says how it ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    this.#started().signal(signal)
    return this.ended()
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#started().signal(signal)
  }

  /** Runs another command, or a second relay, on the same settings to its end. */
  async command(args: readonly string[]): Promise<Exit & { output: string }> {
    const process = new DurabilityProcess(args, { ...this.#env, RELAY_PORT: '0', RELAY_OPS_PORT: '0' })
    try {
      return { ...(await process.endedWithin(END_MS)), output: process.output }
    } finally {
      if (process.running) process.signal('SIGKILL')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.end('SIGKILL')
  }

  #started(): DurabilityProcess {
    if (this.#process === undefined) throw new Error('the relay was not started')
    return this.#process
  }

  async #isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.#opsUrl}/readyz`)
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      return false
    }
  }
}
