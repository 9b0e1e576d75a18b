import { SETTINGS } from '@bgs/runtime/service/settings.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, containersOf, type Labels, MANIFEST_SETS, Manifests, ROLES } from './manifests.ts'
import { installPythonTools } from './tools.ts'

/** The oldest that knows all fields, and the newest whose schemas are at hand. */
const KUBERNETES = ['1.30', '1.34', '1.37']

describe.for(MANIFEST_SETS)('k8s/$overlay with $components', (set) => {
  let manifests: Manifests

  beforeAll(async () => {
    manifests = await Manifests.of(set)
  })

  it('is valid against the published schemas, without fields that they do not know', async () => {
    const { readYaml } = await installPythonTools()
    const report = await readYaml(await build(set.overlay, set.components), KUBERNETES)
    expect(report.problems).toEqual([])
    // Only a kind of the Prometheus operator has none.
    const known = 'monitoring.coreos.com/v1 PodMonitor'
    expect(report.unknown.filter((name) => !name.startsWith(known))).toEqual([])
    expect(report.documents.length).toBeGreaterThan(15)
  })

  it('names no namespace and needs no rights in the cluster', () => {
    for (const { kind, metadata } of manifests.objects) {
      expect(metadata.namespace, metadata.name).toBeUndefined()
      expect(kind).not.toMatch(/Role|Namespace|CustomResourceDefinition/)
    }
    const names = manifests.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(names).toHaveLength(new Set(names).size)
  })

  it('every pod is restricted: no root, nothing writable but volumes, no capabilities, no token', () => {
    for (const workload of manifests.workloads) {
      const { name } = workload.metadata
      const pod = workload.spec.template.spec
      expect(pod, name).toMatchObject({
        automountServiceAccountToken: false,
        // Variables of services begin with RELAY_, which the relay refuses.
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      })
      expect(pod.securityContext?.runAsUser, name).toBeGreaterThan(0)
      for (const shared of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod, name).not.toHaveProperty(shared)
      for (const container of containersOf(workload)) {
        expect(container.securityContext, name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        for (const kind of ['requests', 'limits'] as const)
          for (const what of ['cpu', 'memory'])
            expect(container.resources?.[kind]?.[what], `${name} ${kind} ${what}`).toMatch(/^\d+(m|[MG]i)?$/)
        // Neither a registry nor latest.
        expect(container.image, name).toMatch(/^[\w/-]+:(?!latest)[\w.-]+$/)
      }
    }
  })

  it('every pod is probed and has time to stop', () => {
    for (const role of ROLES) {
      const { terminationGracePeriodSeconds = 0, containers } = manifests.role(role).spec.template.spec
      for (const { lifecycle, startupProbe, livenessProbe, readinessProbe } of containers) {
        // A stop takes at most 30 s.
        const before = lifecycle?.preStop.sleep.seconds ?? 0
        expect(terminationGracePeriodSeconds - before, role).toBeGreaterThanOrEqual(40)
        const ops = (path: string) => ({ path, port: 'ops' })
        const asked = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)
        expect(asked, role).toEqual([ops('/livez'), ops('/livez'), ops('/readyz')])
        // Mirrors are filled and logs read first: that may take minutes.
        const patience = (startupProbe?.failureThreshold ?? 0) * (startupProbe?.periodSeconds ?? 0)
        expect(patience, role).toBeGreaterThanOrEqual(600)
      }
    }
    for (const { metadata, spec } of manifests.workloads)
      for (const container of spec.template.spec.containers)
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
          expect(container, metadata.name).toHaveProperty(probe)
  })

  it('whatever selects pods selects those it should', () => {
    for (const { metadata, spec } of manifests.workloads) {
      expect(manifests.selected(spec.selector), metadata.name).toEqual([metadata.name])
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? [])
        expect(manifests.selected(labelSelector), metadata.name).toEqual([metadata.name])
    }
    for (const { metadata, spec } of manifests.all('PodDisruptionBudget'))
      expect(manifests.selected(spec.selector), metadata.name).toEqual([metadata.name])
    for (const { metadata, spec } of manifests.all('Service'))
      expect(manifests.selected({ matchLabels: spec.selector as Labels }), metadata.name).toEqual([
        metadata.name === 'relay-public' ? 'relay-fanout' : metadata.name,
      ])
    for (const { spec } of manifests.all('HorizontalPodAutoscaler'))
      manifests.one(spec.scaleTargetRef.kind, spec.scaleTargetRef.name)
    for (const { spec } of manifests.all('PodMonitor'))
      expect(manifests.selected(spec.selector)).toHaveLength(ROLES.length)
  })

  it('each role has an account, a budget for disruptions, and is spread', () => {
    for (const role of ROLES) {
      const { metadata, spec } = manifests.role(role)
      const { topologySpreadConstraints = [], serviceAccountName } = spec.template.spec
      const keys = topologySpreadConstraints.map(({ topologyKey }) => topologyKey)
      expect(keys, role).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname'])
      expect(serviceAccountName).toBe(metadata.name)
      expect(manifests.one('ServiceAccount', metadata.name)).toMatchObject({
        automountServiceAccountToken: false,
      })
      expect(manifests.one('PodDisruptionBudget', metadata.name).spec).toMatchObject({ maxUnavailable: 1 })
    }
    // The only one with a disk, and with names for its nodes.
    const fanout = manifests.role('fanout')
    expect(fanout.kind).toBe('StatefulSet')
    manifests.one('Service', fanout.spec.serviceName ?? '')
  })

  it('ports are those of the settings, and everything that names a port finds it', () => {
    const ops = { name: 'ops', containerPort: Number(SETTINGS.RELAY_OPS_PORT.fallback) }
    const open = { name: 'public', containerPort: Number(SETTINGS.RELAY_PORT.fallback) }
    for (const role of ROLES) {
      const ports = containersOf(manifests.role(role)).flatMap((container) => container.ports)
      expect(ports, role).toEqual(role === 'fanout' ? [ops, open] : [ops])
    }
    for (const { metadata, spec } of manifests.all('Service')) {
      const [owner = ''] = manifests.selected({ matchLabels: spec.selector as Labels })
      const containers = manifests.workloads
        .filter((one) => one.metadata.name === owner)
        .flatMap(containersOf)
      const ports = containers.flatMap((container) => container.ports ?? [])
      expect(spec.ports, metadata.name).toHaveLength(1)
      for (const { port, targetPort } of spec.ports ?? [])
        expect(ports.find(({ name }) => name === targetPort)?.containerPort, metadata.name).toBe(port)
    }
    for (const { spec } of manifests.all('PodMonitor'))
      expect(spec.podMetricsEndpoints).toMatchObject([{ port: 'ops', path: '/metrics', interval: '15s' }])
  })
})
