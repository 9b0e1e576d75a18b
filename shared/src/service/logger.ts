import { pino } from 'pino'

/** A logger of one subsystem: JSON lines on standard output, fields `host did seq rev reason err` (style 16). */
export type Logger = import('pino').Logger

/** The root logger of a process. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
