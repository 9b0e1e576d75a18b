import { Redis } from 'ioredis'
import { findCommand } from './commands.ts'
import { findOrInstall } from './debian-packages.ts'
import { freePort } from './free-port.ts'
import { createServerFolder } from './server-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly process: ServerProcess
  /** Forgets all keys. */
  flush(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
  pause(): void
  resume(): void
}

/** Starts a Redis (or Valkey) that keeps nothing on disk: started again, it is empty. */
export async function startRedis(): Promise<RedisServer> {
  const file = await findOrInstall('Redis', ['redis-server'], () =>
    findCommand(['redis-server', 'valkey-server']),
  )
  const folder = createServerFolder('redis')
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const server = new ServerProcess({
    name: 'redis',
    file,
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    folder: folder.path,
    removed: folder.path,
    ready: () => run(url, (client) => client.ping()),
    stopSignal: 'SIGTERM',
  })
  const dispose = async () => {
    await server.kill()
    await folder[Symbol.asyncDispose]()
  }
  try {
    await server.start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url,
    process: server,
    flush: () => run(url, (client) => client.flushall()),
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    [Symbol.asyncDispose]: dispose,
  }
}

async function run(url: string, ask: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  try {
    await client.connect()
    await ask(client)
  } finally {
    client.disconnect()
  }
}
