import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { stripAll } from './strip.ts'

/** One file as it is served. */
export interface PageFile {
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const FOLDER = join(import.meta.dirname, 'page')
const SCRIPT = 'text/javascript; charset=utf-8'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** All that the dashboard consists of, by path below /dashboard/: a script keeps the name of its source. */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  const scripts = names.filter((name) => /(?<!\.d|\.test)\.ts$/.test(name))
  const stripped = stripAll(scripts.map((name) => readFileSync(join(FOLDER, name), 'utf8')))
  for (const [i, name] of scripts.entries()) files.set(name, pageFile(SCRIPT, Buffer.from(stripped[i] ?? '')))
  for (const name of names) {
    const type = TYPES[extname(name)]
    if (type !== undefined)
      files.set(name === 'index.html' ? '' : name, pageFile(type, readFileSync(join(FOLDER, name))))
  }
  for (const { name, type, path } of vendored()) files.set(name, pageFile(type, readFileSync(path)))
  return files
}

/** Files of packages, which are served as they are. */
function vendored() {
  const { resolve } = createRequire(import.meta.url)
  const uplot = dirname(resolve('uplot/dist/uPlot.esm.js'))
  return [
    {
      name: 'vendor/preact.js',
      type: SCRIPT,
      path: join(dirname(resolve('htm')), '../preact/standalone.module.js'),
    },
    { name: 'vendor/uplot.js', type: SCRIPT, path: join(uplot, 'uPlot.esm.js') },
    { name: 'vendor/uplot.css', type: TYPES['.css'] as string, path: join(uplot, 'uPlot.min.css') },
  ]
}

function pageFile(type: string, body: Buffer): PageFile {
  return { type, body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}
