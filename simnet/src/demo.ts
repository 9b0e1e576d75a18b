import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runActivity } from './activity.ts'
import { SimNetwork } from './network.ts'
import { CheckingSubscriber } from './subscriber.ts'
import { decodeFrame } from './wire.ts'

/**
 * A whole network on one machine: a PLC directory, hosts whose accounts post, the relay as it is run, and a
 * subscriber that prints what arrives. Ends with Ctrl-C.
 */
const RELAY = fileURLToPath(new URL('../../relay/src/main.ts', import.meta.url))
const HOSTS = 3
const ACCOUNTS_PER_HOST = 5
const ACTIONS_PER_SECOND = 4
const SUMMARY_EVERY_MS = 5_000

const print = (text: string) => process.stdout.write(`${text}\n`)
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const folder = mkdtempSync(join(tmpdir(), 'relay-demo-'))
const port = process.env['RELAY_PORT'] ?? '2470'
const password = process.env['RELAY_ADMIN_PASSWORD'] ?? 'demo'
const opsPort = process.env['RELAY_OPS_PORT'] ?? '2471'
print('simnet: starting a PLC directory and hosts …')
const network = await SimNetwork.start({ seed: 1, hosts: HOSTS, accountsPerHost: ACCOUNTS_PER_HOST })
print(
  `simnet: ${HOSTS} hosts (${network.hosts.map(({ hostname }) => hostname).join(', ')}), ${HOSTS * ACCOUNTS_PER_HOST} accounts`,
)
print('relay:  starting …')
const relay = spawn(process.execPath, [RELAY], {
  env: {
    ...process.env,
    ...network.relayEnv(),
    RELAY_DATA_DIR: folder,
    RELAY_PORT: port,
    RELAY_OPS_PORT: opsPort,
    RELAY_ADMIN_PASSWORD: password,
    RELAY_LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
})
const ended = new Promise<void>((resolve) => relay.once('exit', () => resolve()))
relay.once('exit', (code) => {
  if (!stop.signal.aborted) print(`relay:  ended with ${code}`)
  stop.abort()
})
try {
  await ready()
  if (!stop.signal.aborted) await watch()
} finally {
  relay.kill('SIGTERM')
  await ended
  await network.close()
  rmSync(folder, { recursive: true, force: true })
}

async function ready(): Promise<void> {
  while (!stop.signal.aborted) {
    const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined)
    if (response?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function watch(): Promise<void> {
  print(
    `relay:  up. Stream ws://localhost:${port}/xrpc/com.atproto.sync.subscribeRepos  Metrics http://localhost:${opsPort}/metrics`,
  )
  print(`relay:  dashboard http://localhost:${opsPort}/dashboard/  password ${password}`)
  print('Events as a subscriber sees them (Ctrl-C ends):')
  const url = `ws://127.0.0.1:${port}/xrpc/com.atproto.sync.subscribeRepos`
  const subscriber = await CheckingSubscriber.connect({
    url,
    cursor: 0,
    model: network.model,
    onMessage: show,
  })
  const begunAt = performance.now()
  const summary = setInterval(() => {
    const { received, ok } = subscriber.verdict()
    const late = subscriber.checker.latencies(({ sentAt }) => sentAt > begunAt).sort((a, b) => a - b)
    const middle = late[Math.floor(late.length / 2)] ?? 0
    print(
      `— ${received} events, ${ok ? 'each as expected, once and in order' : 'NOT all as expected'}; median ${middle.toFixed(0)} ms from host to here`,
    )
  }, SUMMARY_EVERY_MS)
  await runActivity(network, ACTIONS_PER_SECOND, stop.signal)
  clearInterval(summary)
  await subscriber.close()
}

function show(message: Uint8Array): void {
  const { type, body } = decodeFrame(message)
  const { seq, did, repo, ops, handle, active, status } = body as Record<string, unknown>
  const what = Array.isArray(ops)
    ? ops.map(({ action, path }: { action: string; path: string }) => `${action} ${path}`).join(', ')
    : [handle, active === undefined ? '' : `active=${active}`, status].filter(Boolean).join(' ')
  print(`${seq}  ${type.padEnd(9)}  ${repo ?? did}  ${what.slice(0, 90)}`)
}
