import { execFileSync } from 'node:child_process'
import { ADMIN_ROUTES } from '@bgs/api/admin/routes.ts'
import { ConfigError } from '@bgs/runtime/service/config.ts'
import { describe, expect, it } from 'vitest'
import { CLI_FLAGS } from './cli-flags.ts'
import { completion } from './completion.ts'
import { bodyOf, findCommand, OPERATOR_COMMANDS } from './operator-commands.ts'
import { lines, table } from './table.ts'

const find = (text: string) => {
  const found = findCommand(text.split(' '))
  if (found === undefined) throw new Error('no command')
  return found
}

describe("the operator's commands", () => {
  it('each asks for something that the admin API has, with flags that exist', () => {
    for (const { method, path, flags } of OPERATOR_COMMANDS) {
      const route = ADMIN_ROUTES.find(
        (one) => one.method === method && one.path.replace(/\{\w+\}/, '{}') === `/admin${path}`,
      )
      expect(route, `${method} ${path}`).toBeDefined()
      for (const flag of flags) expect(CLI_FLAGS).toHaveProperty(flag)
    }
  })

  it('each act of the admin API has a command', () => {
    for (const { method, path } of ADMIN_ROUTES) {
      if (method !== 'POST') continue
      const asked = path.replace(/^\/admin/, '').replace(/\{\w+\}/, '{}')
      expect(
        OPERATOR_COMMANDS.some((one) => one.path === asked),
        path,
      ).toBe(true)
    }
  })

  it('are found by their words; what is wrong is said', () => {
    expect(findCommand(['all'])).toBeUndefined()
    expect(find('hosts ban pds.example.com')).toMatchObject({ subject: 'pds.example.com' })
    expect(find('lag').command.path).toBe('/overview')
    for (const wrong of ['hosts', 'hosts eat', 'hosts ban', 'hosts list x', 'accounts show a b'])
      expect(() => find(wrong)).toThrow(ConfigError)
  })

  it('say what the admin API wants to hear', () => {
    const body = (text: string, flags: Record<string, string | true>) => {
      const { command, subject } = find(text)
      return bodyOf(command, subject, flags)
    }
    const why = 'spam'
    expect(body('hosts ban a.com', { why })).toEqual({ why })
    expect(body('hosts add a.com', { why, cursor: '0', trusted: 'true' })).toEqual({
      why,
      hostname: 'a.com',
      cursor: '0',
      trusted: true,
    })
    expect(
      body('hosts limits a.com', { why, accounts: '7', 'events-per-hour': 'auto', trusted: 'false' }),
    ).toEqual({ why, accounts: 7, eventsPerHour: null, trusted: false })
    expect(body('hosts reset-cursor a.com', { why, cursor: '12' })).toEqual({ why, cursor: 12 })
    expect(() => body('hosts ban a.com', {})).toThrow('why')
    expect(() => body('hosts limits a.com', { why, accounts: 'many' })).toThrow(ConfigError)
    for (const [text, flags] of [
      ['hosts limits a.com', { accounts: '7', 'events-per-second': 'auto', lenient: 'true' }],
      ['hosts add a.com', { cursor: 'live' }],
      ['hosts reset-cursor a.com', { cursor: 'live' }],
      ['hosts import', { from: 'relay.example.com' }],
    ] as const) {
      const { command } = find(text)
      const route = ADMIN_ROUTES.find(
        ({ path }) => path.replace(/\{\w+\}/, '{}') === `/admin${command.path}` && path !== '',
      )
      const schema = ADMIN_ROUTES.find((one) => one.path === route?.path && one.method === 'POST')?.body
      expect(schema?.safeParse(body(text, { why, ...flags })).success, text).toBe(true)
    }
  })

  it('print tables and lines in which nothing steers a terminal', () => {
    expect(table([{ a: 'x\u001b[31m', atMs: 0 }], ['a', 'atMs'])).toBe('a       atMs\nx?[31m  never')
    expect(lines({ a: { b: [1, null] }, c: 'd' })).toEqual(['a.b.0: 1', 'a.b.1: -', 'c: d'])
  })

  it('completion is valid for a shell, and completes', () => {
    const script = `${completion(['all', 'tail'])}\nCOMP_WORDS=(relay hosts un); COMP_CWORD=2; _relay; echo "\${COMPREPLY[@]}"`
    expect(execFileSync('bash', ['-c', script]).toString().trim()).toBe('unban')
  })
})
