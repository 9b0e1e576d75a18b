/** A benchmark cannot run as it was asked for; the message says what is missing. */
export class UsageError extends Error {
  override name = 'UsageError'
}
