import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { watchOver } from '@bgs/testkit/servers/watchdog.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
/** Thousands of hosts are written into the database one by one before it listens. */
const START_MS = 60_000

/** A relay as it is run from outside: a process of its own, with the settings given. */
export interface RelayProcess {
  readonly pid: number
  readonly port: number
  readonly opsPort: number
  /** `ws://…` of the event stream, without a cursor. */
  readonly url: string
  /** What it has written so far. */
  readonly output: () => string
  readonly kill: (signal: NodeJS.Signals) => Promise<number | null>
  /** CPU seconds of the process, user and system, all threads. */
  readonly cpuSeconds: () => number
  /** Highest resident memory so far, bytes. */
  readonly peakRss: () => number
  /** Code with which it ended; null while it runs or where a signal ended it. */
  readonly exited: Promise<number | null>
}

/** Starts a relay, or one role of a cluster, on free ports and waits until it is ready. */
export async function startRelayProcess(
  env: Readonly<Record<string, string>>,
  ports?: { port: number; opsPort: number },
  command = 'all',
): Promise<RelayProcess> {
  const { port, opsPort } = ports ?? { port: await freePort(), opsPort: await freePort() }
  const child = spawn(process.execPath, [MAIN, command], {
    env: {
      PATH: process.env['PATH'],
      RELAY_PORT: String(port),
      RELAY_OPS_PORT: String(opsPort),
      RELAY_HOST: '127.0.0.1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.once('exit', watchOver(child.pid as number, ''))
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-200_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  await ready(child, opsPort, () => output)
  return {
    pid: child.pid as number,
    port,
    opsPort,
    url: `ws://127.0.0.1:${port}/xrpc/com.atproto.sync.subscribeRepos`,
    output: () => output,
    kill: async (signal) => {
      child.kill(signal)
      return exited
    },
    cpuSeconds: () => cpuSeconds(child.pid as number),
    peakRss: () => peakRss(child.pid as number),
    exited,
  }
}

async function ready(child: ChildProcess, opsPort: number, output: () => string): Promise<void> {
  const until = performance.now() + START_MS
  while (performance.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the relay ended with ${child.exitCode ?? child.signalCode}:\n${output()}`)
    const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined)
    if (response?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`the relay was not ready within ${START_MS} ms:\n${output()}`)
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime and stime, in ticks of which Linux has 100 a second.
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function peakRss(pid: number): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}
