import { rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Cut, TcpLink } from '@bgs/testkit/tcp-link.ts'

const PRELOAD = fileURLToPath(new URL('./process-faults.mjs', import.meta.url))

/** Servers that a process reaches over links of its own. */
const SERVERS = ['kafka', 'a broker', 'postgres', 'redis', 'directory'] as const
export type ServerName = (typeof SERVERS)[number]

/** What is done to a process from within (process-faults.mjs). */
interface ProcessFaults {
  readonly clockMs: number
  readonly closedPorts: readonly number[]
  readonly namesMs: number
}

/** The ways of one process to what it leans on, each of which can be cut for it alone. */
export class ProcessWays {
  /** Settings and the preload under which a process goes these ways. */
  readonly env: Readonly<Record<string, string>>
  readonly #links: Readonly<Record<ServerName, readonly TcpLink[]>>
  readonly #file: string
  #faults: ProcessFaults = { clockMs: 0, closedPorts: [], namesMs: 0 }

  constructor(
    links: Readonly<Record<ServerName, readonly TcpLink[]>>,
    file: string,
    settings: Readonly<Record<string, string>>,
  ) {
    this.#links = links
    this.#file = file
    this.env = { ...settings, NODE_OPTIONS: `--import ${PRELOAD}`, PROCESS_FAULTS: file }
  }

  cut(server: ServerName, how: Cut): void {
    for (const link of this.#links[server]) link.cut(how)
  }

  heal(server: ServerName): void {
    for (const link of this.#links[server]) link.heal()
  }

  /** Hosts it reaches none of from now on, by their ports. */
  closePorts(closedPorts: readonly number[]): Promise<void> {
    return this.#write({ ...this.#faults, closedPorts })
  }

  /** Its time of day differs from that of all others by so much from now on. */
  stepClock(clockMs: number): Promise<void> {
    return this.#write({ ...this.#faults, clockMs })
  }

  /** Name servers answer it only after so long from now on. */
  slowNames(namesMs: number): Promise<void> {
    return this.#write({ ...this.#faults, namesMs })
  }

  async #write(faults: ProcessFaults): Promise<void> {
    this.#faults = faults
    const made = `${this.#file}.new`
    await writeFile(made, JSON.stringify(faults))
    await rename(made, this.#file)
  }
}
