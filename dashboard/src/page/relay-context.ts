import type { Act } from './acts.ts'
import { type Api, ApiError } from './api.ts'
import { createContext, useContext, useEffect, useState } from './vendor/preact.js'

/** What every view works with. */
export interface RelayContext {
  readonly api: Api
  /** Has an act confirmed and done; `then` runs once it is. */
  readonly ask: (act: Act, then?: () => void) => void
  /** Leaves, to ask for a password again. */
  readonly signOut: (why?: string) => void
}

export const RelayContext = createContext<RelayContext | undefined>(undefined)

/** What this view works with. */
export function useRelay(): RelayContext {
  return useContext(RelayContext) as RelayContext
}

/** What the API last answered, and why it did not the last time; `again` asks at once. */
export interface Polled<T> {
  readonly answer: T | undefined
  readonly error: string | undefined
  readonly again: () => void
}

/** Asks the API for something again and again, for as long as it is shown and the page is looked at. */
export function usePoll<T>(path: string | undefined, everyMs: number): Polled<T> {
  const { api, signOut } = useRelay()
  const [got, setGot] = useState<{ path?: string | undefined; answer?: T; error?: string }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (path === undefined) return
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      if (!document.hidden) {
        try {
          const answer = await api.get<T>(path)
          if (!isOver) setGot({ path, answer })
        } catch (error) {
          if (isOver) return
          if (error instanceof ApiError && error.status === 401)
            return signOut('The password is no longer right.')
          const message = error instanceof Error ? error.message : String(error)
          setGot((before) => ({ ...(before.path === path ? before : { path }), error: message }))
        }
      }
      if (!isOver) timer = setTimeout(() => void look(), everyMs)
    }
    void look()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [path, everyMs, turn])
  const isOf = got.path === path
  return {
    answer: isOf ? got.answer : undefined,
    error: isOf ? got.error : undefined,
    again: () => setTurn((before) => before + 1),
  }
}
