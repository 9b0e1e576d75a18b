import { writeFile } from 'node:fs/promises'
import { ConfigError } from '@bgs/runtime/service/config.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { CliFlags } from './cli-flags.ts'
import { bodyOf, type OperatorCommand } from './operator-commands.ts'
import { lines, table } from './table.ts'

const TIMEOUT_MS = 60_000

/** Asks a running relay; resolves to the exit code: 0 done, 1 where it is not reached or refuses. Throws ConfigError. */
export async function runOperatorCommand(
  { command, subject }: { readonly command: OperatorCommand; readonly subject: string },
  settings: Settings,
  flags: CliFlags,
  print: (text: string) => void,
): Promise<number> {
  const unknown = Object.keys(flags).find((name) => name !== 'json' && !command.flags.includes(name))
  if (unknown !== undefined) throw new ConfigError([`${command.words} knows no --${unknown}`])
  const [password] = settings.RELAY_ADMIN_PASSWORD
  if (password === undefined)
    throw new ConfigError(['RELAY_ADMIN_PASSWORD: set it to the password of the relay that is asked'])
  const body = bodyOf(command, subject, flags)
  const url = urlOf(command, subject, settings, flags)
  let response: Response
  try {
    response = await fetch(url, {
      method: command.method,
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    process.stderr.write(`${url.origin} does not answer: ${errorText(error)}\n`)
    return 1
  }
  if (!response.ok) return refused(response)
  if (command.path === '/refused-frames') return download(response, flags, print)
  const answer = (await response.json()) as Record<string, unknown>
  if (flags['json'] === true) print(JSON.stringify(answer))
  else if (command.list !== undefined)
    print(table(answer[command.list] as Record<string, unknown>[], command.columns ?? []))
  else print(lines(answer).join('\n'))
  return 0
}

function urlOf(command: OperatorCommand, subject: string, settings: Settings, flags: CliFlags): URL {
  const host = settings.RELAY_OPS_HOST === '0.0.0.0' ? '127.0.0.1' : settings.RELAY_OPS_HOST
  const origin = `http://${host.includes(':') ? `[${host}]` : host}:${settings.RELAY_OPS_PORT}`
  const url = new URL(`/admin${command.path.replace('{}', encodeURIComponent(subject))}`, origin)
  if (command.method === 'GET')
    for (const name of command.flags)
      if (typeof flags[name] === 'string' && name !== 'out') url.searchParams.set(name, flags[name])
  return url
}

async function refused(response: Response): Promise<number> {
  const text = await response.text()
  let output = text
  try {
    const { error, message } = JSON.parse(text) as { error?: string; message?: string }
    output = `${error ?? ''}: ${message ?? ''}`
  } catch {
    // Something else answers there.
  }
  process.stderr.write(`refused with ${response.status}: ${output.trim()}\n`)
  return 1
}

async function download(response: Response, flags: CliFlags, print: (text: string) => void): Promise<number> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  const file = typeof flags['out'] === 'string' ? flags['out'] : 'refused-frames.jsonl.gz'
  await writeFile(file, bytes)
  print(
    flags['json'] === true ? JSON.stringify({ file, bytes: bytes.length }) : `${file}: ${bytes.length} bytes`,
  )
  return 0
}
