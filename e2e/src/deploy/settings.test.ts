import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCluster, checkValues } from '@bgs/relay/check-config.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { imageSettings, readDockerfile } from './dockerfile.ts'
import { containersOf, MANIFEST_SETS, Manifests, ROLES, type RoleName } from './manifests.ts'
import { installPythonTools, ROOT } from './tools.ts'

/** Keys of the Secret, as somebody writes them. */
const SECRETS: Record<string, string> = {
  RELAY_DATABASE_URL: 'postgres://relay:secret@postgres.example.com:5432/relay?sslmode=require',
  RELAY_REDIS_URL: 'rediss://:secret@redis.example.com:6379',
  RELAY_ADMIN_PASSWORD: 'secret',
}

describe.for(MANIFEST_SETS)('the settings of k8s/$overlay with $components', (set) => {
  let manifests: Manifests
  let settings: Record<RoleName, Settings>

  beforeAll(async () => {
    manifests = await Manifests.of(set)
    const image = imageSettings(await readDockerfile())
    settings = Object.fromEntries(
      ROLES.map((role) => [role, loadSettings({ ...image, ...environmentOf(manifests, role) }, []).settings]),
    ) as Record<RoleName, Settings>
  })

  it('are known, right, and enough for the role', () => {
    for (const role of ROLES) {
      const [container] = containersOf(manifests.role(role))
      expect(container?.args).toEqual([role])
      expect(container).not.toHaveProperty('command')
      checkValues(settings[role])
      checkCluster(role, settings[role])
      expect(settings[role], role).toMatchObject({
        RELAY_OPS_HOST: '0.0.0.0',
        RELAY_OPS_PORT: 2471,
        RELAY_PORT: 2470,
        RELAY_ALLOW_PRIVATE_HOSTS: false,
      })
    }
  })

  it('what is secret comes from one Secret, and goes to those that need it', () => {
    const references = ROLES.flatMap((role) => containersOf(manifests.role(role)))
      .flatMap(({ env = [] }) => env)
      .flatMap(({ name, valueFrom }) =>
        valueFrom === undefined ? [] : [{ variable: name, ...valueFrom.secretKeyRef }],
      )
    for (const { variable, key } of references) expect(key).toBe(variable)
    expect(new Set(references.map(({ name }) => name)).size).toBe(1)
    const admins = ROLES.filter((role) => 'RELAY_ADMIN_PASSWORD' in environmentOf(manifests, role))
    expect(admins).toEqual(['fanout'])
    for (const { data = {} } of manifests.all('ConfigMap'))
      expect(Object.keys(data).filter((name) => name in SECRETS)).toEqual([])
  })

  it('the mirror of a fan-out node has room for the window', () => {
    const { spec } = manifests.role('fanout')
    const [container] = spec.template.spec.containers
    const [claim] = spec.volumeClaimTemplates ?? []
    const mount = container?.volumeMounts?.find(({ name }) => name === claim?.metadata.name)
    expect(mount?.mountPath).toBe(settings.fanout.RELAY_DATA_DIR)
    const [, size] = /^(\d+)Gi$/.exec(claim?.spec.resources.requests.storage ?? '') ?? []
    expect(Number(size) * 2 ** 30).toBeGreaterThanOrEqual(1.1 * Number(settings.fanout.RELAY_RETENTION_BYTES))
    expect(spec.template.spec.securityContext?.fsGroup).toBe(spec.template.spec.securityContext?.runAsUser)
    // Kafka is trimmed to the same window.
    expect(settings.sequencer.RELAY_RETENTION_BYTES).toBe(settings.fanout.RELAY_RETENTION_BYTES)
    expect(settings.sequencer.RELAY_RETENTION_HOURS).toBe(settings.fanout.RELAY_RETENTION_HOURS)
    // The others have no folder that they could write into.
    for (const role of ['crawler', 'verifier', 'sequencer'] as const)
      expect(manifests.role(role).spec.template.spec, role).not.toHaveProperty('volumes')
  })

  it('there are as many of each role as is said, and no autoscaler beyond what there is to do', () => {
    const least = ROLES.map((role) => {
      const workload = manifests.role(role)
      const scaler = manifests.scalerOf(workload)
      if (scaler === undefined) return workload.spec.replicas
      // Else every apply would undo what the autoscaler did.
      expect(workload.spec, role).not.toHaveProperty('replicas')
      expect(scaler.spec.minReplicas, role).toBeLessThan(scaler.spec.maxReplicas)
      return scaler.spec.minReplicas
    })
    expect(least).toEqual(set.overlay === 'overlays/production' ? [3, 4, 2, 3] : [1, 1, 1, 1])
    const verifiers = manifests.scalerOf(manifests.role('verifier'))?.spec.maxReplicas
    if (verifiers !== undefined) expect(verifiers).toBe(settings.verifier.RELAY_RAW_PARTITIONS)
  })
})

interface AdapterRule {
  readonly seriesQuery: string
  readonly name: { readonly matches: string; readonly as: string }
}

describe('what autoscalers ask for', () => {
  it('is what prometheus-adapter makes of a metric of the relay', async () => {
    const { readYaml } = await installPythonTools()
    const values = readFileSync(join(ROOT, 'k8s/components/monitoring/prometheus-adapter.yaml'), 'utf8')
    const [document] = (await readYaml(values)).documents as { rules: { custom: AdapterRule[] } }[]
    const rules = document?.rules.custom ?? []
    const manifests = await Manifests.of({ overlay: 'overlays/production', components: [] })
    const scalers = manifests.all('HorizontalPodAutoscaler')
    const asked = scalers.flatMap(({ spec }) => spec.metrics.map(({ pods }) => pods.metric.name))
    expect(asked.toSorted()).toEqual(rules.map(({ name }) => name.as).toSorted())
    const sources = globSync(join(ROOT, '{verifier,fanout,shared,relay}/src/**/*.ts'))
      .filter((file) => !file.endsWith('.test.ts'))
      .map((file) => readFileSync(file, 'utf8'))
    for (const { seriesQuery, name } of rules) {
      const series = seriesQuery.replace(/\{.*/, '')
      expect(name.matches).toBe(`^${series}$`)
      expect(
        sources.some((source) => source.includes(`'${series}'`)),
        `${series} is a metric of the relay`,
      ).toBe(true)
    }
  })
})

/** The variables that the pods of a role get. */
function environmentOf(manifests: Manifests, role: RoleName): Record<string, string> {
  const env: Record<string, string> = {}
  for (const container of containersOf(manifests.role(role))) {
    for (const { configMapRef } of container.envFrom ?? [])
      Object.assign(env, manifests.one('ConfigMap', configMapRef.name).data)
    for (const { name, value, valueFrom } of container.env ?? [])
      env[name] = value ?? SECRETS[valueFrom?.secretKeyRef.key ?? ''] ?? ''
  }
  return env
}
