import { pino } from 'pino'

/** A logger for tests that look at what is done, not at what is said. */
export const silentLogger = pino({ level: 'silent' })
