import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, globSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'
import { imageOf, imageSettings, last, readDockerfile, type Stage, words } from './dockerfile.ts'
import { layOutImage } from './image.ts'
import { ROLES } from './manifests.ts'
import { ROOT, readPackage } from './tools.ts'

const READY_MS = 30_000
const MIB = 2 ** 20
/** More than all of it has today by a third: a dependency that brings much is seen. */
const MOST_MIB = 190

describe('the files of the image, read-only, with its user and its command', () => {
  const folder = tempFolder()
  const root = join(folder.path, 'image')
  const data = join(folder.path, 'data')
  const asRoot = process.getuid?.() === 0
  let stages: Stage[]
  let image: Stage
  let user: { uid?: number; gid?: number }
  let env: Record<string, string>

  /** A command of the image, where the image is. */
  const command = (instruction: string) =>
    words(last(image, instruction)).map((word) => word.replace(/^\/app/, app()))
  const app = () => join(root, last(image, 'WORKDIR'))
  const run = (args: readonly string[]) => {
    const [file = '', ...rest] = args
    return runCommand(file, rest, { cwd: app(), env, ...user, timeout: READY_MS })
  }

  beforeAll(async () => {
    stages = await readDockerfile()
    image = imageOf(stages)
    await layOutImage(stages, root)
    chmodSync(folder.path, 0o755)
    await runCommand('chmod', ['-R', 'a-w,a+rX', root])
    mkdirSync(data)
    const [uid = 0, gid = 0] = last(image, 'USER').split(':').map(Number)
    user = asRoot ? { uid, gid } : {}
    if (asRoot) chownSync(data, uid, gid)
    env = {
      ...imageSettings(stages),
      RELAY_DATA_DIR: data,
      RELAY_HOST: '127.0.0.1',
      RELAY_OPS_HOST: '127.0.0.1',
      RELAY_PORT: String(await freePort()),
      RELAY_OPS_PORT: String(await freePort()),
    }
  })
  afterAll(async () => {
    await runCommand('chmod', ['-R', 'u+w', root])
    folder.remove()
  })

  it('are of production only', async () => {
    const own = ['api', 'crawler', 'dashboard', 'fanout', 'relay', 'sequencer', 'shared', 'verifier']
    const rooms = ['protocol', 'contract', 'runtime', 'embedded', 'database', 'cluster']
    expect(readdirSync(app()).toSorted()).toEqual(['LICENSE', ...own, 'deploy', 'node_modules'].toSorted())
    expect(readdirSync(join(app(), 'shared')).toSorted()).toEqual(rooms.toSorted())
    const folders = [...own.filter((name) => name !== 'shared'), ...rooms.map((name) => `shared/${name}`)]
    const packages = globSync('node_modules/{@*/*,[!@.]*}', { cwd: app() }).map((path) => path.slice(13))
    const ours = folders.map((path) => `@bgs/${basename(path)}`)
    expect(packages).toEqual(expect.arrayContaining([...ours, 'node', 'pg', 'ioredis']))
    const { workspaces = [] } = await readPackage('.')
    const places = globSync(
      workspaces.map((folder) => `${folder}/package.json`),
      { cwd: ROOT },
    ).map(dirname)
    const manifests = await Promise.all(['.', ...places].map(readPackage))
    const production = await Promise.all(['.', ...folders].map(readPackage))
    const needed = new Set([
      ...ours,
      ...production.flatMap(({ dependencies = {} }) => Object.keys(dependencies)),
    ])
    const development = manifests.flatMap(({ devDependencies = {} }) => Object.keys(devDependencies))
    const unwanted = [
      ...development.filter((name) => !needed.has(name)),
      'npm',
      'node-gyp',
      'typescript',
      '@bgs/testkit',
      '@bgs/simnet',
      '@bgs/bench',
      '@bgs/fuzz',
      '@bgs/e2e',
    ]
    expect(packages.filter((name) => unwanted.includes(name))).toEqual([])
    expect(readdirSync(join(app(), 'node_modules/.bin'))).not.toContain('npm')
    expect(globSync(`{${own.join()}}/**/{*.test.ts,testing,node_modules}`, { cwd: app() })).toEqual([])
    const size = bytesUnder(app()) / MIB
    process.stdout.write(`the image adds ${size.toFixed(1)} MiB to its base\n`)
    expect(size).toBeLessThan(MOST_MIB)
  })

  it.runIf(asRoot)('cannot be written by the user of the image', async () => {
    for (const path of ['LICENSE', 'relay/src/main.ts', 'node_modules'])
      expect((await run(['/usr/bin/test', '-w', path])).error, path).not.toBeNull()
    expect((await run(['/usr/bin/test', '-w', data])).error).toBeNull()
  })

  it('--help, --version and check-config answer; a wrong setting ends with 2', async () => {
    const start = command('ENTRYPOINT')
    expect(await run([...start, '--help'])).toMatchObject({
      error: null,
      output: expect.stringContaining('Commands:'),
    })
    expect(await run([...start, '--version'])).toEqual({ error: null, output: `${VERSION}\n` })
    expect(await run([...start, 'check-config'])).toMatchObject({ error: null })
    const wrong = await run([...start, 'check-config', '--raw-partitions', 'many'])
    expect(wrong.error).toMatchObject({ code: 2 })
  })

  it('the whole relay becomes ready and healthy, and ends with 0 when it is told to', async () => {
    await using relay = start(words(last(image, 'CMD')))
    await relay.until(200, '/readyz')
    expect(await run(command('HEALTHCHECK'))).toEqual({ error: null, output: 'ok\n' })
    expect(await run(command('HEALTHCHECK').with(-1, '/readyz'))).toEqual({ error: null, output: 'ok\n' })
    const metrics = await (await fetch(`http://127.0.0.1:${env['RELAY_OPS_PORT']}/metrics`)).text()
    // Binaries for this processor came along.
    expect(metrics).toMatch(/relay_verifier_curve_backend\{curve="k256",backend="native"\} 1/)
    expect(await relay.stop()).toEqual([0, null])
    expect(await run(command('HEALTHCHECK'))).toMatchObject({ error: { code: 1 } })
  })

  it.for(ROLES)(
    '%s lives without its servers and without a folder, says that it waits, and stops',
    async (role) => {
      const nowhere = `127.0.0.1:${await freePort()}`
      const servers = {
        RELAY_DATABASE_URL: `postgres://relay:secret@${nowhere}/relay`,
        RELAY_REDIS_URL: `redis://${nowhere}`,
        RELAY_KAFKA_BROKERS: nowhere,
      }
      await using relay = start([role], { ...servers, RELAY_DATA_DIR: '/nowhere' })
      await relay.until(200, '/livez')
      await relay.until(503, '/readyz')
      expect(await run(command('HEALTHCHECK'))).toMatchObject({ error: null })
      const ready = () => run(command('HEALTHCHECK').with(-1, '/readyz'))
      await expect.poll(ready, { timeout: READY_MS }).toMatchObject({
        error: { code: 1 },
        output: expect.stringContaining('PostgreSQL'),
      })
      expect(await relay.stop()).toEqual([0, null])
    },
  )

  /** Starts a command of the image as its first process is started. */
  function start(words: readonly string[], settings: Readonly<Record<string, string>> = {}) {
    const [file = '', ...args] = [...command('ENTRYPOINT'), ...words]
    const options = { cwd: app(), env: { ...env, ...settings }, ...user }
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => child.kill('SIGKILL')
    // However this process ends, the relay ends too.
    process.once('exit', kill)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    const ended = once(child, 'exit').finally(() => process.off('exit', kill))
    const answers = async (path: string) => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output}`)
      const url = `http://127.0.0.1:${env['RELAY_OPS_PORT']}${path}`
      return (await fetch(url).catch(() => undefined))?.status
    }
    return {
      until: (status: number, path: string) =>
        until(
          `${path} answers ${status}`,
          async () => (await answers(path)) === status,
          READY_MS,
          () => output,
        ),
      stop: () => {
        child.kill('SIGTERM')
        return ended
      },
      [Symbol.asyncDispose]: async () => {
        kill()
        await ended
      },
    }
  }
})

function bytesUnder(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => join(folder, entry.name))
    .reduce((sum, path) => {
      const { size } = lstatSync(path)
      return sum + (lstatSync(path).isDirectory() ? bytesUnder(path) : size)
    }, 0)
}
