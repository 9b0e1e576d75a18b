import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { cpuOf, peakRssOf, rssOf } from './process-cpu.ts'
import type { RelayPlace, RelayUnderTest, StartRelay } from './relay-under-test.ts'

const START_MS = 20_000
/** More accounts than any host here has: without a limit it would take up the first hundred and throttle the rest. */
const ACCOUNT_LIMIT = 10_000_000

/** The binary named by INDIGO_RELAY, or what to do where there is none. */
export function indigoBinary(): { readonly path: string } | { readonly missing: string } {
  const { INDIGO_RELAY: path = '' } = process.env
  if (path === '')
    return { missing: 'set INDIGO_RELAY to the binary of the relay of indigo (cmd/relay) to compare with' }
  return existsSync(path) ? { path } : { missing: `INDIGO_RELAY is ${path}, where no file is` }
}

/** The relay of indigo on SQLite with its defaults; its hosts are trusted, others are held to 50 events a second. */
export function startIndigoRelay(binary: string): StartRelay {
  return async (place) => {
    const database = join(place.folder, 'relay.sqlite')
    const dbUrl = `sqlite://${database}`
    await createTables(binary, dbUrl)
    addHosts(database, place.hosts)
    return serve(binary, dbUrl, place)
  }
}

async function serve(binary: string, dbUrl: string, { folder, plcUrl }: RelayPlace): Promise<RelayUnderTest> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const persist = join(folder, 'persist')
  mkdirSync(persist, { recursive: true })
  const options = {
    'db-url': dbUrl,
    'persist-dir': persist,
    bind: `127.0.0.1:${port}`,
    'metrics-listen': `127.0.0.1:${opsPort}`,
    'trusted-domains': '*',
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const child = start(binary, ['--plc-host', plcUrl, 'serve', '--allow-insecure-hosts', ...args])
  const pid = child.process.pid as number
  const exited = once(child.process, 'exit')
  const untilMs = performance.now() + START_MS
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/xrpc/_health`).catch(() => undefined)
    if (answer?.ok === true) break
    if (child.process.exitCode !== null || performance.now() > untilMs) {
      child.process.kill('SIGKILL')
      throw new Error(`the relay of indigo did not come up:\n${child.output()}`)
    }
    await delay(20)
  }
  return {
    url: `ws://127.0.0.1:${port}/xrpc/com.atproto.sync.subscribeRepos`,
    cpuSeconds: () => cpuOf(pid),
    rss: () => rssOf(pid),
    peakRss: () => peakRssOf(pid),
    [Symbol.asyncDispose]: async () => {
      child.process.kill('SIGKILL')
      await exited
    },
  }
}

/** It makes its tables when it looks for hosts to add: here at a relay that knows none. */
async function createTables(binary: string, dbUrl: string): Promise<void> {
  const nobody = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"hosts":[]}')
  })
  nobody.listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const url = `http://127.0.0.1:${(nobody.address() as AddressInfo).port}`
  const child = start(binary, ['pull-hosts', '--relay-host', url, '--db-url', dbUrl])
  const [code] = (await once(child.process, 'exit')) as [number | null]
  nobody.close()
  nobody.closeAllConnections()
  if (code !== 0) throw new Error(`pull-hosts ended with ${code}:\n${child.output()}`)
}

/** Hosts on this machine cannot be asked for: its guard refuses them, on the admin API too. */
function addHosts(file: string, hosts: readonly string[]): void {
  const database = new DatabaseSync(file)
  const insert = database.prepare(
    `INSERT INTO host (created_at, updated_at, hostname, no_ssl, account_limit, trusted, status, last_seq, account_count)
      VALUES (?1, ?1, ?2, true, ?3, true, 'active', 0, 0)`,
  )
  const now = new Date().toISOString()
  for (const host of hosts) insert.run(now, new URL(host).host, ACCOUNT_LIMIT)
  database.close()
}

function start(binary: string, args: readonly string[]) {
  const child = spawn(binary, ['--log-level', 'error', ...args], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return { process: child, output: () => output }
}
