import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { FrameCase } from './case.ts'
import { checkCase } from './check-case.ts'

const [file, ...rest] = process.argv.slice(2)
if (file === undefined || rest.length > 0) {
  process.stderr.write('usage: npm run conformance -- FILE.jsonl[.gz]\n')
  process.exit(2)
}
process.exitCode = await runFile(file)

/** Judges each case of a file and prints a line for it; resolves to the exit code: 1 where one fails. */
async function runFile(path: string): Promise<number> {
  let text: string
  try {
    const bytes = readFileSync(path)
    text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (error) {
    process.stderr.write(`${path} cannot be read: ${(error as Error).message}\n`)
    return 2
  }
  let failed = 0
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const one = FrameCase.parse(JSON.parse(line))
    const { got, reason } = await checkCase(one)
    const pass = got === one.expect
    if (!pass) failed++
    const shown = {
      name: one.name,
      expect: one.expect,
      got,
      pass,
      ...(reason === undefined ? {} : { reason }),
    }
    process.stdout.write(`${JSON.stringify(shown)}\n`)
  }
  return failed > 0 ? 1 : 0
}
