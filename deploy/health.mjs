/**
 * The health check of the image: asks the operator listener beside it for /livez, or for the path in the first
 * argument, and ends with 0 if it says yes. There is no curl in the image.
 */
const path = process.argv[2] ?? '/livez'
const { RELAY_OPS_PORT: port = '2471' } = process.env
try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_000) })
  process.stdout.write(await answer.text())
  process.exitCode = answer.ok ? 0 : 1
} catch (error) {
  process.stdout.write(`no answer from the operator listener: ${error.cause?.code ?? error.message}\n`)
  process.exitCode = 1
}
