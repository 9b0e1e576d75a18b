import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { type Failure, tried } from './run-target.ts'
import { TARGET_NAMES, TARGETS, type TargetName } from './targets.ts'
import { watchedRun } from './watched-run.ts'

/** `npm run fuzz -- [TARGET] [--seconds N] [--seed N]`: prints JSON; 1 where a property does not hold. */
const USAGE = `usage: npm run fuzz -- [${TARGET_NAMES.join('|')}|all] [--seconds N] [--seed N]
       npm run --silent fuzz -- TARGET --replay < INPUT_AS_BASE64
`

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof TypeError) || !('code' in error)) throw error
  process.stderr.write(`${error.message}\n${USAGE}`)
  process.exitCode = 2
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      replay: { type: 'boolean', default: false },
    },
  })
  const [asked = 'all', ...rest] = positionals
  const names = asked === 'all' ? TARGET_NAMES : TARGET_NAMES.filter((name) => name === asked)
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)]
  const isUsable = seconds > 0 && Number.isSafeInteger(seed) && rest.length === 0
  if (!isUsable || names.length === 0 || (values.replay && asked === 'all')) {
    process.stderr.write(USAGE)
    return 2
  }
  if (values.replay) return replay(asked as TargetName)
  const targets: Record<string, unknown> = {}
  let failures = 0
  for (const name of names) {
    const { failure, ...report } = await watchedRun(name, seed, { inputs: Number.POSITIVE_INFINITY, seconds })
    targets[name] = { ...report, ...(failure === null ? {} : { failure: withReplay(name, failure) }) }
    if (failure !== null) failures++
  }
  process.stdout.write(`${JSON.stringify({ seed, seconds, targets }, null, 2)}\n`)
  return failures === 0 ? 0 : 1
}

function withReplay(name: TargetName, failure: Failure): Failure & { replay: string } {
  return { ...failure, replay: `echo INPUT | npm run --silent fuzz -- ${name} --replay` }
}

/** Tries the one input that standard input holds. */
async function replay(name: TargetName): Promise<number> {
  await using target = await TARGETS[name]()
  const verdicts = new Map<string, number>()
  const failure = await tried(
    target,
    Uint8Array.from(Buffer.from(await text(process.stdin), 'base64')),
    verdicts,
  )
  process.stdout.write(
    `${JSON.stringify({ target: name, verdict: [...verdicts.keys()][0] ?? null, failure }, null, 2)}\n`,
  )
  return failure === null ? 0 : 1
}
