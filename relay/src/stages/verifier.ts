import type { BusConsumer, BusEntry, BusProducer } from '@bgs/contract/bus/bus.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { curveBackends } from '@bgs/protocol/signature/verify.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { Identities } from '@bgs/verifier/identity/identities.ts'
import type { SharedIdentities } from '@bgs/verifier/identity/shared-identities.ts'
import type { IdentityStore } from '@bgs/verifier/identity/store.ts'
import { type VerifierMetrics, verifierMetrics } from '@bgs/verifier/metrics.ts'
import { Verifier, type VerifierParts } from '@bgs/verifier/verifier.ts'
import { VerifyPool } from '@bgs/verifier/verify/pool.ts'
import type { Registry } from 'prom-client'
import { type CautiousReading, readCautiously } from '../cautious.ts'
import { verifierThreads } from '../threads.ts'
import type { StageContext } from './stage-context.ts'

const RESOLVE_TIMEOUT_MS = 5_000
const SAVE_IDENTITIES_EVERY_MS = 10_000

export interface VerifierPorts {
  readonly metrics: VerifierMetrics
  readonly raw: BusConsumer<RawEnvelope>
  /** Names a frame of `raw` in every life of the process that could read it; undefined for a heartbeat. */
  readonly keyOf: CautiousReading<RawEnvelope>['keyOf']
  readonly verified: BusProducer<VerifiedEnvelope, BusEntry<RawEnvelope>>
  /** Where identities are kept for the next life, or for other verifiers. */
  readonly identityStore?: IdentityStore
  readonly sharedIdentities?: SharedIdentities
  readonly onBrokenFrame: VerifierParts['onBrokenFrame']
  readonly charge: VerifierParts['charge']
}

/** The verifier's metrics; what verifies the curves here is one of them. */
export function verifierStageMetrics(registry: Registry) {
  const metrics = verifierMetrics(registry)
  const backends = curveBackends()
  for (const [curve, backend] of Object.entries(backends)) metrics.curve.set({ curve, backend }, 1)
  return { metrics, backends }
}

/**
 * The verifier, and what it works with: its threads (from now on), the identities, and `raw` as it is read with care
 * (invariant 14). Whoever builds it begins what is read, and closes the pool when the verifier has ended.
 */
export function buildVerifier(
  { settings, supervisor, database, rejections, logger }: StageContext,
  ports: VerifierPorts,
) {
  const { metrics, raw, keyOf, verified, onBrokenFrame, charge } = ports
  const { threads, isForFloods } = verifierThreads(settings)
  const pool = new VerifyPool({ threads, isForFloods, onFault: (error) => supervisor.fail(error) })
  const resolving = {
    plcUrl: settings.RELAY_PLC_URL,
    allowPrivate: settings.RELAY_ALLOW_PRIVATE_HOSTS,
    userAgent: USER_AGENT,
    timeoutMs: RESOLVE_TIMEOUT_MS,
  }
  const { identityStore, sharedIdentities } = ports
  const identities = new Identities(resolving, metrics, identityStore, supervisor.signal, sharedIdentities)
  const reading = readCautiously(raw, {
    database,
    rejections,
    rejected: metrics.rejected,
    logger: logger.child({ part: 'verifier' }),
    keyOf,
    describe: (value) => (value.isHeartbeat === true ? undefined : value),
  })
  const verifier = new Verifier({
    raw: reading,
    verified,
    identities,
    pool,
    metrics,
    rejections,
    onBrokenFrame,
    charge,
    logger: logger.child({ part: 'verifier' }),
    wallNow: Date.now,
  })
  return { verifier, reading, identities, pool, threads }
}

/** Saves what was learned of identities, every now and then until `signal` is aborted. */
export async function saveIdentities(store: IdentityStore, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(SAVE_IDENTITIES_EVERY_MS, signal)
    await store.save()
  }
}
