import { createHash } from 'node:crypto'
import { cp, lstat, mkdir, readFile } from 'node:fs/promises'
import { basename, join, matchesGlob, relative } from 'node:path'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { installOnce } from '@bgs/testkit/servers/install-once.ts'
import { type Copy, copies, imageOf, last, type Stage } from './dockerfile.ts'
import { ROOT } from './tools.ts'

const RUN_MS = 5 * 60_000

/**
 * Lays out in `root` what deploy/Dockerfile puts into the image on top of its base, without an engine: COPY is carried
 * out as it stands, RUN of the first stage by this machine's shell and npm, once for each state of what it depends on.
 */
export async function layOutImage(stages: readonly Stage[], root: string): Promise<void> {
  const image = imageOf(stages)
  const installed = new Map<string, string>()
  for (const stage of stages.slice(0, -1)) installed.set(stage.name ?? '', await runStage(stage))
  for (const copy of copies(image)) await carryOut(copy, join(root, last(image, 'WORKDIR')), installed)
}

async function runStage(stage: Stage): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([stage, process.arch, process.version]))
  for (const { sources } of copies(stage))
    for (const source of sources) hash.update(await readFile(join(ROOT, source)))
  return installOnce(`image-${hash.digest('hex').slice(0, 16)}`, async (root) => {
    const folder = join(root, last(stage, 'WORKDIR'))
    for (const copy of copies(stage)) await carryOut(copy, folder, new Map())
    const { error, output } = await runCommand('sh', ['-ec', last(stage, 'RUN')], {
      cwd: folder,
      env: outerEnvironment(),
      timeout: RUN_MS,
    })
    if (error !== null) throw new Error(`RUN of the stage ${stage.name} failed: ${output.slice(-4_000)}`)
  })
}

async function carryOut(copy: Copy, folder: string, stages: ReadonlyMap<string, string>): Promise<void> {
  const { from, sources, target } = copy
  const ignored = from === undefined ? await readIgnored() : () => false
  const context = from === undefined ? ROOT : stages.get(from)
  if (context === undefined) throw new Error(`there is no stage ${from}`)
  for (const source of sources) {
    const path = join(context, source)
    if (from === undefined && ignored(source)) throw new Error(`.dockerignore keeps ${source} out`)
    const isFolder = (await lstat(path)).isDirectory()
    const to =
      isFolder || !target.endsWith('/') ? join(folder, target) : join(folder, target, basename(source))
    await mkdir(join(to, '..'), { recursive: true })
    const filter = (file: string) => !ignored(relative(context, file))
    await cp(path, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, filter })
  }
}

/** Whether .dockerignore keeps a path out: the last pattern that matches it, or a folder it is in, decides. */
async function readIgnored(): Promise<(path: string) => boolean> {
  const lines = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n')
  const patterns = lines.filter((line) => !/^\s*(#|$)/.test(line))
  return (path) => {
    const parts = path.split('/')
    const prefixes = parts.map((_, i) => parts.slice(0, i + 1).join('/'))
    const decides = (pattern: string) =>
      prefixes.some((prefix) => matchesGlob(prefix, pattern.replace(/^!/, '')))
    return patterns.findLast(decides)?.startsWith('!') === false
  }
}

/** The environment without what an `npm run` around this test tells about its own package. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const inner =
    /^(npm_(lifecycle|package)_|npm_config_(local_prefix|global_prefix|prefix|workspace|include_workspace|nodedir)|INIT_CWD$|NODE_OPTIONS$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inner.test(name)))
}
