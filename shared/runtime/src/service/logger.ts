import { pino } from 'pino'
import { openDescriptor } from './log-descriptor.ts'
import { boundedFields, boundedMessage } from './log-fields.ts'
import { LogOutput } from './log-output.ts'
import { type LeftOut, LogRate } from './log-rate.ts'

/** A logger of one subsystem: JSON lines on standard output, fields `host did seq rev reason err` (style 16). */
export type Logger = import('pino').Logger

/** One of each for a thread, whatever loggers it has: what is bounded is what they say together. */
let output: LogOutput | undefined
let rate: LogRate | undefined

/**
 * The root logger of a process, or of a thread. All that it writes is bounded (invariant 12): a line in its bytes, the same
 * thing said again and again in lines a second, what nobody reads in memory. What is left out is counted, and said.
 */
export function createLogger(level: string): Logger {
  rate ??= new LogRate(logLeftOut)
  output ??= outputUntilExit(rate)
  return loggerInto(output, level, rate)
}

/** A logger that writes into `into`, as often as `limit` lets it. */
export function loggerInto(into: LogOutput, level: string, limit: Pick<LogRate, 'take'>): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: boundedFields,
        log: boundedFields,
      },
      // Errors are bounded with the other fields.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, method, number) {
          const [first, second] = args as unknown[]
          const message = typeof first === 'string' ? first : typeof second === 'string' ? second : ''
          if (number < FATAL && !limit.take(number, message)) return
          if (typeof first === 'string') (args as unknown[])[0] = boundedMessage(first)
          else if (typeof second === 'string') (args as unknown[])[1] = boundedMessage(second)
          method.apply(this, args)
        },
      },
    },
    into,
  )
}

const FATAL = 60

/** Standard output, on which what was left out and all that waits is written at the end of the process, too. */
function outputUntilExit(limit: LogRate): LogOutput {
  const made = new LogOutput(openDescriptor)
  process.once('exit', () => {
    limit.end()
    made.flushSync()
  })
  return made
}

function logLeftOut({ level, message, lines }: LeftOut): void {
  if (output === undefined) return
  const time = new Date().toISOString()
  const what = message === '' ? 'many kinds of lines' : message
  output.lastLevel = level
  const msg = `left out more of the same within a second: ${what}`
  output.write(`${JSON.stringify({ level: pino.levels.labels[level], time, lines, msg })}\n`)
}
