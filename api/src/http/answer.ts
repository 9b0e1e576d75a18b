/** What a method answers; the server adds what all answers share. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Short-lived facts are never cached (protocol.md section 7). */
export const NO_STORE = { 'cache-control': 'no-store' }

export function ok(body: unknown, headers: Readonly<Record<string, string>> = NO_STORE): Answer {
  return { status: 200, body, headers }
}
