import { join } from 'node:path'
import { Client } from 'pg'
import { runCommand } from './commands.ts'
import { freePort } from './free-port.ts'
import { installPostgres, type PostgresSoftware } from './postgres-install.ts'
import { createServerFolder } from './server-folder.ts'
import { ServerFailedError, ServerProcess } from './server-process.ts'

const INITDB_MS = 60_000

export interface PostgresServer extends AsyncDisposable {
  /** Of the empty database `relay`. */
  readonly url: string
  readonly process: ServerProcess
  /** Creates another database, and resolves to its URL. */
  createDatabase(name: string): Promise<string>
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
  pause(): void
  resume(): void
}

/** Starts a PostgreSQL with an empty database. fsync is on, as in production: what is committed survives a kill. */
export async function startPostgres(
  options: { settings?: Readonly<Record<string, string | number>> } = {},
): Promise<PostgresServer> {
  const software = await installPostgres()
  const folder = createServerFolder('postgres', software.owner)
  const port = await freePort()
  const url = (database: string) => `postgres://relay@127.0.0.1:${port}/${database}`
  const server = new ServerProcess({
    name: 'postgres',
    file: software.postgres,
    args: ['-D', join(folder.path, 'data'), ...settingArguments({ port, ...options.settings })],
    folder: folder.path,
    removed: folder.path,
    ready: () => run(url('postgres'), 'SELECT 1'),
    // "Fast": open connections are ended, and not waited for.
    stopSignal: 'SIGINT',
    ...software.owner,
    // Of a killed one's backends the last may not be gone yet.
    passing: /shared memory block .* is still in use|lock file "postmaster.pid" already exists/,
  })
  const dispose = async () => {
    await server.kill()
    await folder[Symbol.asyncDispose]()
  }
  const createDatabase = async (name: string) => {
    await run(url('postgres'), `CREATE DATABASE "${name}"`)
    return url(name)
  }
  try {
    await initialize(software, folder.path)
    await server.start()
    await createDatabase('relay')
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url: url('relay'),
    process: server,
    createDatabase,
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    [Symbol.asyncDispose]: dispose,
  }
}

function settingArguments(settings: Readonly<Record<string, string | number>>): string[] {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function initialize({ initdb, owner }: PostgresSoftware, cwd: string): Promise<void> {
  const args = [
    '-D',
    join(cwd, 'data'),
    '-U',
    'relay',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]
  const { error, output } = await runCommand(initdb, args, { cwd, timeout: INITDB_MS, ...owner })
  if (error !== null) throw new ServerFailedError(`initdb failed: ${output}`, { cause: error })
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 30_000 })
  // A connection cut while it is idle must not end the test process.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end().catch(() => undefined)
  }
}
