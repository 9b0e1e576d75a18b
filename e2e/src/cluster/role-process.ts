import { wait } from '@bgs/runtime/service/wait.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { DurabilityProcess } from '../embedded/durability-process.ts'
import type { ProcessWays } from './process-ways.ts'

/** As a service manager would: started again a moment after it ended. */
const RESPAWN_MS = 300

export type RoleName = 'crawler' | 'verifier' | 'sequencer' | 'fanout'

/** One process of a role, over all its lives: it is always started again, until it is removed. */
export class RoleProcess {
  readonly name: string
  readonly role: RoleName
  readonly port: number
  readonly opsPort: number
  /** Its own ways to the servers, where the cluster was started with some. */
  readonly ways: ProcessWays | undefined
  /** Whether a fault is being done to it. */
  busy = false
  /** Ends that nobody asked for: a fault of the process itself. */
  readonly failures: string[] = []
  readonly #env: Readonly<Record<string, string>>
  #process: DurabilityProcess | undefined
  #crashPoint = ''
  #wanted = true
  #expectsEnd = false
  #output = ''

  private constructor(
    name: string,
    role: RoleName,
    ports: readonly [number, number],
    env: Record<string, string>,
    ways: ProcessWays | undefined,
  ) {
    this.ways = ways
    this.name = name
    this.role = role
    ;[this.port, this.opsPort] = ports
    this.#env = {
      ...env,
      ...ways?.env,
      RELAY_HOST: '127.0.0.1',
      RELAY_PORT: String(this.port),
      RELAY_OPS_PORT: String(this.opsPort),
    }
    this.#spawn()
  }

  static async start(
    name: string,
    role: RoleName,
    env: Record<string, string>,
    ways?: ProcessWays,
  ): Promise<RoleProcess> {
    return new RoleProcess(name, role, [await freePort(), await freePort()], env, ways)
  }

  /** The last of what it said, over all lives. */
  get output(): string {
    return (this.#output + (this.#process?.output ?? '')).slice(-5_000_000)
  }

  async isReady(): Promise<boolean> {
    return (await this.readyz()) === 'ok'
  }

  /** 'ok', or why it is not ready; '' where it does not answer. */
  async readyz(): Promise<string> {
    const response = await this.#ops('/readyz')
    const text = (await response?.text())?.trim() ?? ''
    return response?.status === 200 ? 'ok' : text
  }

  /** 'ok', or why a restart could help it; '' where it does not answer. */
  async livez(): Promise<string> {
    return (await (await this.#ops('/livez'))?.text())?.trim() ?? ''
  }

  /** One value of /metrics, labels and all; undefined where it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const text = (await (await this.#ops('/metrics'))?.text()) ?? ''
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    return line === undefined ? undefined : Number(line.slice(name.length + 1))
  }

  async #ops(path: string): Promise<Response | undefined> {
    return await fetch(`http://127.0.0.1:${this.opsPort}${path}`, {
      signal: AbortSignal.timeout(1_000),
    }).catch(() => undefined)
  }

  /** SIGKILL; its next life ends at a crash point, if one is given. */
  kill(crashPoint = ''): void {
    this.#expectsEnd = true
    this.#crashPoint = crashPoint
    this.#process?.signal('SIGKILL')
  }

  /** SIGTERM: it may take its time. */
  terminate(): void {
    this.#expectsEnd = true
    this.#process?.signal('SIGTERM')
  }

  async pause(ms: number): Promise<void> {
    this.#process?.signal('SIGSTOP')
    await wait(ms)
    this.#process?.signal('SIGCONT')
  }

  /** Stands still for as long as `act` takes. */
  async pausedWhile(act: () => Promise<void>): Promise<void> {
    const process = this.#process
    process?.signal('SIGSTOP')
    try {
      await act()
    } finally {
      process?.signal('SIGCONT')
    }
  }

  /** Ends it for good. */
  async remove(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false
    this.#expectsEnd = true
    this.#process?.signal('SIGCONT')
    this.#process?.signal(signal)
    await this.#process?.ended
    // Its end is looked at a moment later.
    await wait(0)
  }

  #spawn(): void {
    const crashes = this.#crashPoint !== ''
    const process = new DurabilityProcess([this.role], {
      ...this.#env,
      ...(crashes ? { CRASH_POINT: this.#crashPoint } : {}),
    })
    this.#crashPoint = ''
    this.#process = process
    process.ended.then(
      async ({ code, signal }) => {
        this.#output = this.output
        const asked = this.#expectsEnd || (crashes && signal === 'SIGKILL')
        if (!asked || (code !== null && code !== 0))
          this.failures.push(`${this.name} ended with ${code ?? signal}`)
        this.#expectsEnd = false
        await wait(RESPAWN_MS)
        if (this.#wanted) this.#spawn()
      },
      () => undefined,
    )
  }
}
