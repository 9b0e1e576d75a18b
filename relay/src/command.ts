import { LockedError } from '@bgs/shared/db/lock.ts'
import { ConfigError, loadSettings, settingsHelp } from '@bgs/shared/service/config.ts'
import { armCrashPoint } from '@bgs/shared/service/crash-point.ts'
import { createLogger } from '@bgs/shared/service/logger.ts'
import type { Settings } from '@bgs/shared/service/settings.ts'
import { VERSION } from '@bgs/shared/service/version.ts'
import { checkValues } from './check-config.ts'
import { startEmbedded } from './embedded.ts'
import { repair } from './repair.ts'
import { untilStopped } from './run-service.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Exit codes (architecture.md): stopped as asked, a fault, bad configuration. */
const STOPPED = 0
const FAULT = 1
const BAD_CONFIG = 2

const COMMANDS = {
  all: 'runs the whole relay in this process (the default)',
  'check-config': 'reads the settings, says what is wrong with them, and ends',
  repair: 'with --accept-gap: goes on where the log has lost what the database lacks',
} as const

const CLUSTER_ROLES = new Set(['crawler', 'verifier', 'sequencer', 'fanout'])

/** Runs one command; resolves to the exit code. */
export async function runCommand(args: readonly string[], env: Env): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) return print(help())
  if (args.includes('--version')) return print(VERSION)
  try {
    const { settings, words, flags } = loadSettings(env, args, ['accept-gap'])
    const [name = 'all', ...rest] = words
    if (rest.length > 0) throw new ConfigError([`unexpected argument: ${rest[0]}`])
    checkValues(settings)
    if (name === 'all') return await runAll(settings, env)
    if (name === 'check-config') return print('the settings are right')
    if (name === 'repair') return await repair(settings, flags.has('accept-gap'), print)
    if (CLUSTER_ROLES.has(name))
      throw new ConfigError([
        `${name}: a role of its own needs RELAY_KAFKA_BROKERS, which this version does not support`,
      ])
    throw new ConfigError([`${name}: no such command; one of ${Object.keys(COMMANDS).join(', ')}`])
  } catch (error) {
    if (error instanceof ConfigError || error instanceof LockedError) {
      process.stderr.write(`${error.message}\n`)
      return error instanceof ConfigError ? BAD_CONFIG : FAULT
    }
    throw error
  }
}

async function runAll(settings: Settings, env: Env): Promise<number> {
  const logger = createLogger(settings.RELAY_LOG_LEVEL)
  armCrashPoint(env['CRASH_POINT'])
  try {
    const relay = await startEmbedded(settings, logger)
    return (await untilStopped(relay, logger)) ? STOPPED : FAULT
  } catch (error) {
    if (error instanceof LockedError) throw error
    logger.fatal({ err: error }, 'the relay could not start')
    // Threads and sockets that were opened before the fault would keep the process alive.
    process.exit(FAULT)
  }
}

function help(): string {
  return [
    'relay [command] [--setting value …]',
    '',
    'Commands:',
    ...Object.entries(COMMANDS).map(([name, doc]) => `  ${name.padEnd(14)}${doc}`),
    '',
    'Settings, each a flag and an environment variable:',
    settingsHelp(),
  ].join('\n')
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return STOPPED
}
