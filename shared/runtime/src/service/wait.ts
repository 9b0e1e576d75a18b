/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function wait(ms: number, signal: AbortSignal = new AbortController().signal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Resolves as the promise does, or as soon as `signal` is aborted; rejects as it does. */
export async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  await unlessAborted(promise, signal)
}

/** Resolves as the promise does, or to undefined as soon as `signal` is aborted; rejects as it does until then. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined
  const aborted = Promise.withResolvers<undefined>()
  const resolve = () => aborted.resolve(undefined)
  signal.addEventListener('abort', resolve)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', resolve)
  }
}
