const NONE = '–'
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A whole number with its thousands apart. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : Math.round(value).toLocaleString('en')
}

/** A rate per second: what is slow with a digit more. */
export function perSecond(value: number | undefined): string {
  if (value === undefined) return NONE
  return value === 0 || value >= 100 ? count(value) : value.toFixed(value < 10 ? 2 : 1)
}

/** Bytes in the largest unit of which there is one. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return NONE
  let unit = 0
  let amount = value
  while (amount >= 1_024 && unit < UNITS.length - 1) {
    amount /= 1_024
    unit++
  }
  return `${unit === 0 ? Math.round(amount) : amount.toFixed(amount < 10 ? 1 : 0)} ${UNITS[unit]}`
}

/** A span of time as it is said. */
export function seconds(value: number | undefined): string {
  if (value === undefined) return NONE
  if (value === 0) return '0'
  if (value < 0.01) return `${(value * 1_000).toFixed(1)} ms`
  if (value < 1) return `${Math.round(value * 1_000)} ms`
  if (value < 60) return `${value.toFixed(1)} s`
  if (value < 3_600) return `${Math.floor(value / 60)} min`
  if (value < 86_400) return `${Math.floor(value / 3_600)} h ${Math.floor((value % 3_600) / 60)} min`
  return `${Math.floor(value / 86_400)} d ${Math.floor((value % 86_400) / 3_600)} h`
}

/** How long ago something was; 0 is never. */
export function ago(atMs: number, nowMs: number): string {
  if (atMs === 0) return 'never'
  const span = (nowMs - atMs) / 1_000
  if (span < 1) return 'now'
  return `${span < 60 ? `${Math.floor(span)} s` : seconds(span)} ago`
}

/** A moment, to the second, in the time of whoever looks. */
export function moment(atMs: number): string {
  if (atMs === 0) return 'never'
  const local = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19).replace('T', ' ')
}
