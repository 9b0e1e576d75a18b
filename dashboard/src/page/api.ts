/** A refusal of the admin API, or that it could not be reached (status 0). */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Asks the admin API, with a password that is held here and nowhere else. */
export class Api {
  readonly #authorization: string

  constructor(password: string) {
    const bytes = new TextEncoder().encode(`admin:${password}`)
    this.#authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`
  }

  /** Asks for something. Throws an ApiError. */
  get<T>(path: string): Promise<T> {
    return this.#ask<T>(path, { method: 'GET' })
  }

  /** Has something done. Throws an ApiError. */
  post<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>(path, { method: 'POST', body: JSON.stringify(body) })
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    const headers = {
      authorization: this.#authorization,
      'content-type': 'application/json',
      // The API then leaves out what would have the browser ask for a password.
      'x-requested-with': 'dashboard',
    }
    const response = await fetch(`/admin/${path}`, { ...init, headers, credentials: 'omit' }).catch(() => {
      throw new ApiError(0, 'the relay does not answer')
    })
    const answer = (await response.json().catch(() => ({}))) as { message?: string }
    if (!response.ok) throw new ApiError(response.status, answer.message ?? `HTTP ${response.status}`)
    return answer as T
  }
}

/** What somebody typed, as a part of a path. */
export function part(text: string): string {
  return encodeURIComponent(text)
}
