/** A time as everybody can read it; 0: never. */
export function timeText(ms: number): string {
  return ms === 0 ? 'never' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** How long ago, in one unit. */
export function agoText(ms: number, nowMs: number): string {
  if (ms === 0) return 'never'
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1_000))
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h ago`
  return `${Math.round(seconds / 86_400)} days ago`
}

export function countText(count: number): string {
  return count.toLocaleString('en')
}

/** What the state of a host means. */
export const HOST_STATE: Readonly<Record<string, string>> = {
  active: 'It is read, or will be again in a moment.',
  idle: 'It says that our cursor lies in its future. It is asked again every half minute; call requestCrawl when its sequence began anew.',
  offline:
    'It could not be reached for some time. It is tried again at a gentle pace, and at once when it calls requestCrawl.',
  throttled: 'It sends more than its quota. It is read more slowly; nothing is dropped.',
  banned: 'The operator of this relay has banned it.',
  paused: 'The operator of this relay has paused it.',
}
