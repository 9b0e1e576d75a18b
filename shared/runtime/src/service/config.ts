import { parseArgs } from 'node:util'
import { errorText } from './error-text.ts'
import { SETTINGS, type Setting, type SettingName, type Settings } from './settings.ts'

/** Settings that cannot be used: the process ends with exit code 2 and these lines. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly code = 'config'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The flag of a setting: RELAY_OPS_PORT is --ops-port. */
export function flagOf(name: SettingName): string {
  return name.slice('RELAY_'.length).toLowerCase().replaceAll('_', '-')
}

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]

/**
 * Reads the settings from an environment and command-line arguments (a flag wins), and what else stands on the
 * command line. Throws ConfigError that names each setting that is wrong, why, and an example of a right value.
 */
export function loadSettings(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
  extraFlags: Readonly<Record<string, 'boolean' | 'string'>> = {},
): { settings: Settings; words: string[]; flags: Readonly<Record<string, string | true>> } {
  const problems: string[] = []
  for (const name of Object.keys(env)) {
    if (name.startsWith('RELAY_') && !(name in SETTINGS)) problems.push(`${name}: there is no such setting`)
  }
  const options = Object.fromEntries([
    ...SETTING_NAMES.map((name) => [flagOf(name), { type: 'string' as const }]),
    ...Object.entries(extraFlags).map(([flag, type]) => [flag, { type }]),
  ])
  let flags: Record<string, unknown> = {}
  let words: string[] = []
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true })
    flags = parsed.values
    words = parsed.positionals
  } catch (error) {
    problems.push(errorText(error))
  }
  const settings: Record<string, unknown> = {}
  for (const name of SETTING_NAMES) {
    const setting: Setting<unknown> = SETTINGS[name]
    const given = (flags[flagOf(name)] as string | undefined) ?? env[name]
    const value = given === undefined || given === '' ? setting.fallback : given
    const result = setting.parse.safeParse(value)
    if (result.success) settings[name] = result.data
    else {
      const shown = setting.secret === true ? '(secret)' : JSON.stringify(value)
      const example = setting.example === '' ? '' : `; for example ${name}=${setting.example}`
      problems.push(`${name}: ${shown} ${complaint(result.error.issues)}${example}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    settings: settings as Settings,
    words,
    flags: Object.fromEntries(
      Object.keys(extraFlags).flatMap((flag) => (flags[flag] === undefined ? [] : [[flag, flags[flag]]])),
    ) as Record<string, string | true>,
  }
}

function complaint(issues: readonly { message: string; code: string; errors?: unknown }[]): string {
  const [issue] = issues
  const branches = issue?.errors as { message: string }[][] | undefined
  return branches?.at(-1)?.[0]?.message ?? issue?.message ?? 'is wrong'
}

/** All settings as they hold, one in a line; of secrets only whether they are set. */
export function settingsShown(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    SETTING_NAMES.map((name) => {
      const setting: Setting<unknown> = SETTINGS[name]
      const value: unknown = settings[name]
      const text = Array.isArray(value) ? value.join(',') : String(value ?? 'auto')
      return [name, setting.secret === true && text !== '' ? '(secret)' : text]
    }),
  )
}

/** Lines of the settings for --help. */
export function settingsHelp(): string {
  return SETTING_NAMES.map((name) => {
    const { fallback, doc } = SETTINGS[name]
    return `  --${flagOf(name)}, ${name}${fallback === '' ? '' : ` (${fallback})`}\n      ${doc}`
  }).join('\n')
}

/** Contents of .env.example. */
export function envExample(): string {
  return `${SETTING_NAMES.map((name) => `# ${SETTINGS[name].doc}\n# ${name}=${SETTINGS[name].fallback}`).join('\n\n')}\n`
}

/** Contents of docs/config.md. */
export function configDoc(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { fallback, doc } = SETTINGS[name]
    return `| ${name} | --${flagOf(name)} | ${fallback === '' ? 'empty' : `\`${fallback}\``} | ${doc} |`
  })
  return [
    '# Settings',
    '',
    'Made from shared/runtime/src/service/settings.ts by `npm run docs`. Each is an environment variable and a flag; a',
    'variable that begins with RELAY_ and is not in this list is an error.',
    '',
    '| variable | flag | default | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
