import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { findKustomize, installPythonTools, ROOT } from './tools.ts'

export type Labels = Readonly<Record<string, string>>

export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[]
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number }
  readonly periodSeconds: number
  readonly failureThreshold: number
}

interface KeyRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly { name: string; value?: string; valueFrom?: { secretKeyRef: KeyRef } }[]
  readonly envFrom?: readonly { configMapRef: { name: string } }[]
  readonly ports?: readonly { name: string; containerPort: number }[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly resources?: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean
    readonly readOnlyRootFilesystem?: boolean
    readonly privileged?: boolean
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
  }
  readonly volumeMounts?: readonly { name: string; mountPath: string }[]
}

interface PodSpec {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly enableServiceLinks?: boolean
  readonly terminationGracePeriodSeconds?: number
  readonly hostNetwork?: boolean
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean
    readonly runAsUser?: number
    readonly fsGroup?: number
    readonly seccompProfile?: { readonly type: string }
  }
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly object[]
  readonly topologySpreadConstraints?: readonly { topologyKey: string; labelSelector: Selector }[]
}

export interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
  readonly namespaceSelector?: Selector
  readonly podSelector?: Selector
}

export interface NetworkRule {
  readonly to?: readonly Peer[]
  readonly from?: readonly Peer[]
  readonly ports?: readonly { protocol: string; port: number | string }[]
}

interface Spec {
  // Of workloads.
  readonly replicas?: number
  readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec }
  readonly serviceName?: string
  readonly volumeClaimTemplates?: readonly {
    metadata: { name: string }
    spec: { resources: { requests: { storage: string } } }
  }[]
  // Of what selects: workloads, budgets, pod monitors. Services have plain labels there.
  readonly selector: Selector
  // Of services.
  readonly ports?: readonly { port: number; targetPort: string | number }[]
  // Of autoscalers.
  readonly scaleTargetRef: { readonly kind: string; readonly name: string }
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly metrics: readonly { pods: { metric: { name: string } } }[]
  // Of network policies.
  readonly podSelector: Selector
  readonly policyTypes: readonly string[]
  readonly egress?: readonly NetworkRule[]
  readonly ingress?: readonly NetworkRule[]
  // Of pod monitors.
  readonly podMetricsEndpoints: readonly { port: string; path: string }[]
}

/** An object as kustomize builds it, with the fields that tests look at. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }
  readonly spec: Spec
  readonly data?: Readonly<Record<string, string>>
}

/** What kustomize makes of a folder of k8s/ with further components, as somebody's own overlay would have it. */
export async function build(overlay: string, components: readonly string[] = []): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'bgs-kustomize-')))
  try {
    const path = (name: string) => relative(folder, join(ROOT, 'k8s', name))
    const kustomization = { resources: [path(overlay)], components: components.map(path) }
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    const { error, output } = await runCommand(await findKustomize(), ['build', folder])
    if (error !== null) throw new Error(`kustomize build ${overlay} with ${components.join(', ')}: ${output}`)
    return output
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Whether a selector takes what has these labels; an empty one takes all. */
export function matches(selector: Selector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`this test does not know the operator ${operator}`)
      return values.includes(labels[key] ?? '')
    })
  )
}

export const ROLES = ['crawler', 'verifier', 'sequencer', 'fanout'] as const
export type RoleName = (typeof ROLES)[number]

/** An overlay, and components that its owner may add. */
export interface ManifestSet {
  readonly overlay: string
  readonly components: readonly string[]
}

export const MANIFEST_SETS: readonly ManifestSet[] = [
  { overlay: 'base', components: [] },
  { overlay: 'overlays/small', components: [] },
  { overlay: 'overlays/production', components: [] },
  { overlay: 'overlays/small', components: ['components/dev-servers'] },
  { overlay: 'overlays/production', components: ['components/monitoring'] },
]

/** The objects of an overlay. */
export class Manifests {
  readonly objects: readonly KubeObject[]

  constructor(objects: readonly KubeObject[]) {
    this.objects = objects
  }

  static async of({ overlay, components }: ManifestSet): Promise<Manifests> {
    const { readYaml } = await installPythonTools()
    return new Manifests((await readYaml(await build(overlay, components))).documents as KubeObject[])
  }

  all(...kinds: string[]): KubeObject[] {
    return this.objects.filter(({ kind }) => kinds.includes(kind))
  }

  one(kind: string, name: string): KubeObject {
    const found = this.objects.find((object) => object.kind === kind && object.metadata.name === name)
    if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
    return found
  }

  get workloads(): KubeObject[] {
    return this.all('Deployment', 'StatefulSet')
  }

  role(name: RoleName): KubeObject {
    const found = this.workloads.find(({ metadata }) => metadata.name === `relay-${name}`)
    if (found === undefined) throw new Error(`there is no workload for the role ${name}`)
    return found
  }

  /** The autoscaler of a workload. */
  scalerOf({ metadata }: KubeObject): KubeObject | undefined {
    const scalers = this.all('HorizontalPodAutoscaler')
    return scalers.find(({ spec }) => spec.scaleTargetRef.name === metadata.name)
  }

  /** Names of the workloads whose pods a selector takes. */
  selected(selector: Selector): string[] {
    return this.workloads
      .filter(({ spec }) => matches(selector, spec.template.metadata.labels))
      .map(({ metadata }) => metadata.name)
  }
}

export function containersOf({ spec }: KubeObject): Container[] {
  const { initContainers = [], containers } = spec.template.spec
  return [...initContainers, ...containers]
}
