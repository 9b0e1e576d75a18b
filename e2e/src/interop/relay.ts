import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { type Exit, RealProcess } from './process.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const READY_MS = 30_000

/** The relay as it is run from outside: its command, as a process of its own that can be stopped, killed and started. */
export class RealRelay implements AsyncDisposable {
  readonly url: string
  readonly #env: Record<string, string>
  #process: RealProcess | undefined

  private constructor(
    port: number,
    opsPort: number,
    plcUrl: string,
    dataFolder: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.url = `http://localhost:${port}`
    this.#env = {
      RELAY_PORT: String(port),
      RELAY_HOST: '127.0.0.1',
      RELAY_OPS_PORT: String(opsPort),
      RELAY_PLC_URL: plcUrl,
      RELAY_ALLOW_PRIVATE_HOSTS: 'true',
      RELAY_DATA_DIR: dataFolder,
      ...env,
    }
  }

  /** `env`: the servers of a cluster, all of whose roles it then runs. */
  static async create(
    plcUrl: string,
    dataFolder: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<RealRelay> {
    return new RealRelay(await freePort(), await freePort(), plcUrl, dataFolder, env)
  }

  /** Starts it and waits until it says that it is ready. */
  async start(): Promise<void> {
    const relay = new RealProcess({
      name: 'relay',
      file: process.execPath,
      args: [join(ROOT, 'relay/src/main.ts')],
      env: this.#env,
      cwd: ROOT,
    })
    this.#process = relay
    await relay.until('/readyz answers 200', () => this.#ready(), READY_MS)
  }

  /** Ends it and says how it ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Exit> {
    if (this.#process === undefined) throw new Error('the relay was not started')
    return await this.#process.end(signal)
  }

  /** What it said last. */
  get lastLines(): string {
    return this.#process?.lastLines ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
  }

  async #ready(): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#env['RELAY_OPS_PORT']}/readyz`)
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      return false
    }
  }
}
