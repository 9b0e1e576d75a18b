import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'begin-anew-'))
const cache = join(folder, 'cache')
const script = join(folder, 'main.ts')
beforeAll(() => {
  const source = `import { writeFileSync } from 'node:fs'
import { beginAnew, PREPARE } from ${JSON.stringify(join(import.meta.dirname, 'begin-anew.ts'))}
const args = process.argv.slice(2)
if (args[0] === PREPARE) writeFileSync(process.env.NODE_COMPILE_CACHE + '/' + process.pid + '.loaded', '')
else {
  beginAnew(args, process.env)
  console.log(JSON.stringify({ pid: process.pid, args, flags: process.execArgv, env: process.env }))
}`
  writeFileSync(script, source)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Told {
  readonly pid: number
  readonly args: readonly string[]
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, ['--max-semi-space-size=7', script, ...args], {
    env: { NODE_COMPILE_CACHE: cache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors] = await Promise.all([text(child.stdout as never), text(child.stderr as never)])
  expect(errors, 'nothing is said of it').toBe('')
  return { pid: child.pid, told: JSON.parse(out) as Told }
}

const prepared = () => readdirSync(cache).filter((name) => name.endsWith('.loaded')).length

it('a relay begins anew with its surroundings, under the same id, with the same flags and arguments', async () => {
  const { pid, told } = await run(['all', '--port', '1'], { RELAY_HOST: '127.0.0.1' })
  expect(told).toMatchObject({
    pid,
    args: ['all', '--port', '1'],
    flags: ['--max-semi-space-size=7', '--no-parallel-scavenge', '--heap-growing-percent=60'],
    env: { RELAY_HOST: '127.0.0.1', MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: cache },
  })
})

it('the cache is filled before its first use, and not again', async () => {
  expect(prepared()).toBe(1)
  await run(['verifier'])
  await run([])
  expect(prepared()).toBe(1)
})

it('what an operator has set is left alone', async () => {
  const { told } = await run([], { MALLOC_ARENA_MAX: '7' })
  expect(told.env).toMatchObject({ MALLOC_ARENA_MAX: '7', MALLOC_MMAP_THRESHOLD_: expect.any(String) })
})

it.each([[['tail']], [['--help']], [['account', 'show']]])(
  '%s does not, for it is over soon',
  async (args) => {
    const { told } = await run(args)
    expect(told.env['MALLOC_ARENA_MAX']).toBeUndefined()
  },
)
