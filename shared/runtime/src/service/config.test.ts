import { describe, expect, it } from 'vitest'
import { ConfigError, flagOf, loadSettings, SETTING_NAMES, settingsHelp, settingsShown } from './config.ts'
import { SETTINGS } from './settings.ts'

/** The problems that a faulty configuration is refused with. */
function problems(env: Record<string, string>, args: string[] = []): readonly string[] {
  try {
    loadSettings(env, args)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('settings', () => {
  it('defaults are valid, and an empty variable is the default', () => {
    const { settings } = loadSettings({}, [])
    expect(settings).toMatchObject({
      RELAY_PORT: 2470,
      RELAY_HOSTS: [],
      RELAY_RETENTION_BYTES: undefined,
      RELAY_BACKLOG_BYTES: 20 * 2 ** 30,
      RELAY_ALLOW_PRIVATE_HOSTS: false,
    })
    expect(loadSettings({ RELAY_PORT: '' }, []).settings).toEqual(settings)
  })

  it('a flag wins over the environment, the environment over the default', () => {
    const env = { RELAY_PORT: '1', RELAY_OPS_PORT: '2' }
    const { settings } = loadSettings(env, ['--port', '3', '--hosts=a.example.com, b.example.com,'])
    expect(settings).toMatchObject({
      RELAY_PORT: 3,
      RELAY_OPS_PORT: 2,
      RELAY_HOSTS: ['a.example.com', 'b.example.com'],
    })
  })

  it.each(SETTING_NAMES)('%s: its example is a valid value, and --help names it', (name) => {
    const { example } = SETTINGS[name]
    if (example !== '') expect(problems({ [name]: example })).toEqual([])
    expect(settingsHelp()).toContain(`--${flagOf(name)}, ${name}`)
  })

  it('what is no setting but looks like one is an error; other variables are not looked at', () => {
    expect(problems({ RELAY_PROT: '1', PORT: 'x', PATH: '/' })).toEqual([
      'RELAY_PROT: there is no such setting',
    ])
    expect(problems({}, ['--prot', '1'])[0]).toContain('--prot')
  })

  it.each([
    ['RELAY_PORT', 'http', 'is not a port'],
    ['RELAY_PORT', '65536', 'is above 65535'],
    ['RELAY_PORT', '-1', 'is not a port'],
    ['RELAY_PLC_URL', 'plc.directory', 'is not an http(s) URL'],
    ['RELAY_PLC_URL', 'ftp://plc.directory', 'is not an http(s) URL'],
    ['RELAY_RETENTION_HOURS', '0', 'is not between 1 and 87600'],
    ['RELAY_RETENTION_HOURS', '1.5', 'is not a whole number'],
    ['RELAY_RETENTION_BYTES', '10 potatoes', 'is not a number of bytes'],
    ['RELAY_RETENTION_BYTES', '0', 'is out of range'],
    ['RELAY_VERIFIER_THREADS', 'many', 'is not a whole number'],
    ['RELAY_ALLOW_PRIVATE_HOSTS', 'yes', 'is neither true nor false'],
    ['RELAY_NEW_HOST_CURSOR', '1', 'is neither 0 nor live'],
    ['RELAY_LOG_LEVEL', 'loud', 'is not a level'],
  ] as const)('%s=%s: the message names the setting, the value, why, and an example', (name, value, why) => {
    expect(problems({ [name]: value })).toEqual([
      `${name}: ${JSON.stringify(value)} ${why}; for example ${name}=${SETTINGS[name].example}`,
    ])
  })

  it.each([
    ['RELAY_DATABASE_URL', 'mysql://u:hunter2@h/db', 'is not a URL of postgres:'],
    ['RELAY_REDIS_URL', 'hunter2', 'is not a URL of redis:'],
    ['RELAY_KAFKA_BROKERS', 'kafka', 'is not a list of host:port'],
  ] as const)('%s: says what is wrong with %s, and no password', (name, value, complaint) => {
    const [problem = ''] = problems({ [name]: value })
    expect(problem).toContain(complaint)
    expect(problem).not.toContain('hunter2')
  })

  it('all problems are told at once', () => {
    expect(problems({ RELAY_X: '1', RELAY_PORT: 'x', RELAY_LOG_LEVEL: 'x' }, ['--nope'])).toHaveLength(4)
  })

  it.each([
    ['1', 1],
    ['2KiB', 2_048],
    ['2 MiB', 2 * 2 ** 20],
    ['3GiB', 3 * 2 ** 30],
    ['1TiB', 2 ** 40],
  ])('bytes: %s', (value, bytes) => {
    expect(loadSettings({ RELAY_RETENTION_BYTES: value }, []).settings.RELAY_RETENTION_BYTES).toBe(bytes)
  })

  it('words and extra flags are given back', () => {
    const extra = { 'accept-gap': 'boolean', help: 'boolean', why: 'string' } as const
    const { words, flags } = loadSettings({}, ['repair', '--accept-gap', '--why', 'a reason'], extra)
    expect([words, flags]).toEqual([['repair'], { 'accept-gap': true, why: 'a reason' }])
  })

  it('are shown without secrets', () => {
    const { settings } = loadSettings({ RELAY_ADMIN_PASSWORD: 'hush', RELAY_HOSTS: 'a.com,b.com' }, [])
    expect(settingsShown(settings)).toMatchObject({
      RELAY_ADMIN_PASSWORD: '(secret)',
      RELAY_DATABASE_URL: '',
      RELAY_HOSTS: 'a.com,b.com',
      RELAY_RETENTION_BYTES: 'auto',
      RELAY_PORT: '2470',
    })
    expect(JSON.stringify(settingsShown(settings))).not.toContain('hush')
  })
})
