const MAX_LENGTH = 64
const DATETIME =
  /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](?:\.[0-9]{1,20})?(?:Z|[+-][0-2][0-9]:[0-5][0-9])$/

const YEAR_ZERO_MS = Date.parse('0000-01-01T00:00:00Z')

/** Whether this is a datetime as lexicons have it: RFC 3339 with a zone, a real day (C5). */
export function isDatetime(text: string): boolean {
  return (
    text.length <= MAX_LENGTH &&
    DATETIME.test(text) &&
    !text.endsWith('-00:00') &&
    Date.parse(text) >= YEAR_ZERO_MS
  )
}
