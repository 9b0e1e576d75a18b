import { wait } from '@bgs/runtime/service/wait.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The standard variables of OpenTelemetry are no settings of the relay: its libraries read them, all of them. */
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT'
/** For the last spans at a stop: a collector that is away must not hold it up. */
const FLUSH_MS = 2_000

/**
 * Sends spans to a collector (OTLP over HTTP, as JSON) if the environment names one; else nothing of it is loaded.
 * Resolves to how to end it.
 */
export async function startTracing(env: Env): Promise<() => Promise<void>> {
  if ((env[ENDPOINT] ?? '') === '') return async () => undefined
  const { openTelemetry } = await import('./open-telemetry.ts')
  const close = openTelemetry()
  return () => Promise.race([close(), wait(FLUSH_MS)])
}
