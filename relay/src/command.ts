import { LockedError } from '@bgs/database/lock.ts'
import { ConfigError, loadSettings, settingsHelp, settingsShown } from '@bgs/runtime/service/config.ts'
import { armCrashPoint } from '@bgs/runtime/service/crash-point.ts'
import { createLogger, type Logger } from '@bgs/runtime/service/logger.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { checkCluster, checkValues, isCluster } from './check-config.ts'
import { CLI_FLAGS, type CliFlags } from './cli/cli-flags.ts'
import { completion } from './cli/completion.ts'
import { findCommand, OPERATOR_COMMANDS } from './cli/operator-commands.ts'
import { ROLE_NAMES, type RoleName } from './cluster/role-names.ts'
import { checkDescriptorLimit } from './descriptor-limit.ts'
import type { Relay } from './relay.ts'
import { faultCode, untilStopped } from './run-service.ts'
import { startTracing } from './tracing.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Exit codes (README.md, "Run it"): stopped as asked, a fault, bad configuration. */
const STOPPED = 0
const FAULT = 1
const BAD_CONFIG = 2

/** What the command can be asked to do, beside the operator's commands. */
export const COMMANDS = {
  all: 'runs the whole relay in this process (the default)',
  crawler: 'of a cluster: reads hosts, as many as its share',
  verifier: 'of a cluster: judges what the hosts sent',
  sequencer: 'of a cluster: gives the one order; one leads, others stand by',
  fanout: 'of a cluster: serves subscribers and XRPC from a mirror of the log',
  'check-config': 'reads the settings, says what is wrong with them, and ends',
  'print-config': 'prints all settings as they hold, secrets left out',
  tail: 'prints the stream; --cursor, --type, --did, --collection, --count, --json',
  completion: 'prints a completion script for bash and zsh',
  migrate: 'carries the embedded relay of RELAY_DATA_DIR into an empty cluster',
  repair: 'with --accept-gap: goes on where the log has lost what the database lacks',
} as const

/** Runs one command; resolves to the exit code. */
export async function runCommand(args: readonly string[], env: Env): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) return print(help())
  if (args.includes('--version')) return print(VERSION)
  try {
    const { settings, words, flags } = loadSettings(env, args, { 'accept-gap': 'boolean', ...CLI_FLAGS })
    const found = findCommand(words)
    if (found !== undefined) {
      const { runOperatorCommand } = await import('./cli/run-operator-command.ts')
      return await runOperatorCommand(found, settings, flags, print)
    }
    const [name = 'all', ...rest] = words
    if (rest.length > 0) throw new ConfigError([`unexpected argument: ${rest[0]}`])
    checkValues(settings)
    if (name === 'all') return await run(isCluster(settings) ? cluster(ROLE_NAMES) : embedded, settings, env)
    if (name === 'check-config')
      return print(isJson(flags) ? JSON.stringify({ right: true }) : 'the settings are right')
    if (name === 'print-config') {
      const shown = settingsShown(settings)
      if (isJson(flags)) return print(JSON.stringify(shown))
      return print(
        Object.entries(shown)
          .map(([key, value]) => `${key}=${value}`)
          .join('\n'),
      )
    }
    if (name === 'completion') return print(completion(Object.keys(COMMANDS)))
    if (name === 'tail') {
      const { tail } = await import('./cli/tail.ts')
      const stop = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
      return await tail(settings, flags, print, stop.signal)
    }
    if (name === 'repair') {
      const acceptGap = flags['accept-gap'] === true
      if (!isCluster(settings)) {
        const { repair } = await import('./repair.ts')
        return await repair(settings, acceptGap, print)
      }
      checkCluster(name, settings)
      const { repairCluster } = await import('./cluster/repair-cluster.ts')
      return await repairCluster(settings, acceptGap, createLogger(settings.RELAY_LOG_LEVEL), print)
    }
    if (name === 'migrate') {
      checkCluster(name, settings)
      const { migrate } = await import('./migrate.ts')
      await migrate(settings, print)
      return STOPPED
    }
    const role = ROLE_NAMES.find((one) => one === name)
    if (role !== undefined) {
      checkCluster(role, settings)
      return await run(cluster([role]), settings, env)
    }
    throw new ConfigError([`${name}: no such command; one of ${Object.keys(COMMANDS).join(', ')}`])
  } catch (error) {
    if (error instanceof ConfigError || error instanceof LockedError) {
      process.stderr.write(`${error.message}\n`)
      return error instanceof ConfigError ? BAD_CONFIG : FAULT
    }
    throw error
  }
}

type Start = (settings: Settings, logger: Logger) => Promise<Relay>

// Loaded only by the command that needs it: the clients of a cluster's servers take 16 MB, which an embedded relay saves.
const embedded: Start = async (settings, logger) => {
  const { startEmbedded } = await import('./embedded.ts')
  return await startEmbedded(settings, logger)
}

function cluster(roles: readonly RoleName[]): Start {
  return async (settings, logger) => {
    const { startCluster } = await import('./cluster/cluster.ts')
    return await startCluster(settings, logger, roles)
  }
}

async function run(start: Start, settings: Settings, env: Env): Promise<number> {
  const logger = createLogger(settings.RELAY_LOG_LEVEL)
  armCrashPoint(env['CRASH_POINT'])
  checkDescriptorLimit(logger)
  try {
    const endTracing = await startTracing(env)
    const relay = await start(settings, logger)
    const stop = async () => {
      await relay.stop()
      await endTracing()
    }
    return (await untilStopped({ ...relay, stop }, logger)) ? STOPPED : FAULT
  } catch (error) {
    if (error instanceof LockedError) throw error
    logger.fatal({ err: error }, 'the relay could not start')
    // Threads and sockets that were opened before the fault would keep the process alive.
    process.exit(faultCode(error))
  }
}

function help(): string {
  return [
    'relay [command] [--setting value …]',
    '',
    'Commands:',
    ...Object.entries(COMMANDS).map(([name, doc]) => `  ${name.padEnd(14)}${doc}`),
    '',
    "Operator's commands, which ask a running relay at RELAY_OPS_HOST and RELAY_OPS_PORT with RELAY_ADMIN_PASSWORD",
    '(--json: the answer as JSON; acts need --why):',
    ...OPERATOR_COMMANDS.map(({ words, doc, flags }) => {
      const shown = flags.map((flag) => ` --${flag}`).join('')
      return `  ${words}\n      ${doc}${shown === '' ? '' : `;${shown}`}`
    }),
    '',
    'Settings, each a flag and an environment variable:',
    settingsHelp(),
  ].join('\n')
}

function isJson(flags: CliFlags): boolean {
  return flags['json'] === true
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return STOPPED
}
