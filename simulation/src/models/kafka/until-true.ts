const LOOK_EVERY_MS = 20

/** Waits until something is so; false where it is not so in time. */
export async function untilTrue(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  while (!isSo() && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  return isSo()
}
