import { beforeAll, describe, expect, it } from 'vitest'
import { MANIFEST_SETS, Manifests, ROLES } from './manifests.ts'
import { letsThrough, openings } from './network.ts'

const NAMES = ['TCP', 'UDP'].flatMap((protocol) =>
  ['169.254.20.10/32', 'kube-dns of kube-system'].map((peer) => `${protocol} 53 ${peer}`),
)
const SERVERS = ['TCP 5432 anybody', 'TCP 6379 anybody', 'TCP 9092 anybody']
const INTERNET = ['TCP 443 0.0.0.0/0', 'TCP 443 ::/0']

describe.for(MANIFEST_SETS)('the network policies of k8s/$overlay with $components', (set) => {
  let manifests: Manifests

  beforeAll(async () => {
    manifests = await Manifests.of(set)
  })

  it.for(ROLES)('let the %s talk to whom it has to, and to nobody else', (role) => {
    const isWatched = set.components.includes('components/monitoring')
    const { egress, ingress } = openings(manifests, manifests.role(role))
    const outside = role === 'sequencer' ? [] : INTERNET
    expect(egress).toEqual([...NAMES, ...SERVERS, ...outside].toSorted())
    expect(ingress).toEqual([
      ...(role === 'fanout' ? ['TCP 2470 anybody'] : []),
      ...(isWatched ? ['TCP 2471 prometheus of monitoring'] : []),
    ])
  })

  it('let nothing through but what is said', () => {
    const { spec } = manifests.one('NetworkPolicy', 'relay-nothing')
    expect(manifests.selected(spec.podSelector)).toHaveLength(ROLES.length)
    expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] })
    for (const rules of ['ingress', 'egress']) expect(spec).not.toHaveProperty(rules)
  })

  it('take no private address for the internet', () => {
    const policy = manifests.one('NetworkPolicy', 'relay-internet')
    for (const address of ['1.1.1.1', '100.128.0.1', '172.32.0.1', '2606:4700::1111'])
      expect(letsThrough(policy, address), address).toBe(true)
    for (const address of ['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.0.1'])
      expect(letsThrough(policy, address), address).toBe(false)
    for (const address of ['192.168.1.1', '239.1.1.1', '::1', 'fd00::1', 'fe80::1', 'ff02::1'])
      expect(letsThrough(policy, address), address).toBe(false)
  })

  it('the servers that come along let in the relay and themselves', () => {
    for (const workload of manifests.workloads) {
      if (workload.metadata.name.startsWith('relay-')) continue
      const { egress, ingress } = openings(manifests, workload)
      const peers = ['dev-servers of this namespace', 'relay of this namespace']
      const ports = [5432, 6379, 9092]
      expect(ingress).toEqual(ports.flatMap((port) => peers.map((peer) => `TCP ${port} ${peer}`)))
      expect(egress).toEqual([...NAMES, 'any port dev-servers of this namespace'].toSorted())
    }
  })
})
