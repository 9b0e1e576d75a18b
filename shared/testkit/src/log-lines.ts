import { Writable } from 'node:stream'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { pino } from 'pino'

/** A line that was logged: its fields and `msg`. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

/** A logger that keeps what is said, for tests that look at it. */
export function keepingLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const into = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as LogLine)
      done()
    },
  })
  return { logger: pino({ base: null, formatters: { level: (level) => ({ level }) } }, into), lines }
}
