/**
 * What a process found at its start, or when it took the lead, is not what it can work with: starting again changes
 * nothing, so it ends with exit code 2. The message says what to do.
 */
export class StartupError extends Error {
  override name = 'StartupError'
}
