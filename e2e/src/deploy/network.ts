import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { type KubeObject, type Manifests, matches, type NetworkRule, type Peer } from './manifests.ts'

/** What the policies let in and out of the pods of a workload: a line for each rule, port and peer. */
export function openings(
  manifests: Manifests,
  workload: KubeObject,
): { egress: string[]; ingress: string[] } {
  const labels = workload.spec.template.metadata.labels
  const policies = manifests.all('NetworkPolicy').filter(({ spec }) => matches(spec.podSelector, labels))
  const lines = (direction: 'egress' | 'ingress', type: string) => {
    if (!policies.some(({ spec }) => spec.policyTypes.includes(type))) return ['everything']
    return policies.flatMap(({ spec }) => spec[direction] ?? []).flatMap(ruleLines)
  }
  return { egress: lines('egress', 'Egress').toSorted(), ingress: lines('ingress', 'Ingress').toSorted() }
}

function ruleLines({ to, from, ports }: NetworkRule): string[] {
  const peers = (to ?? from)?.map(peerText) ?? ['anybody']
  const doors = ports?.map(({ protocol, port }) => `${protocol} ${port}`) ?? ['any port']
  return peers.flatMap((peer) => doors.map((door) => `${door} ${peer}`))
}

function peerText({ ipBlock, namespaceSelector, podSelector }: Peer): string {
  if (ipBlock !== undefined) return ipBlock.cidr
  const text = (labels: object = {}) => Object.values(labels).join(' ')
  return `${text(podSelector?.matchLabels)} of ${text(namespaceSelector?.matchLabels) || 'this namespace'}`
}

/** Whether a policy's blocks of addresses let an address through. Throws on what an API server refuses. */
export function letsThrough(policy: KubeObject, address: string): boolean {
  const blocks = (policy.spec.egress ?? []).flatMap(({ to = [] }) =>
    to.flatMap(({ ipBlock = [] }) => ipBlock),
  )
  const ofFamily = blocks.filter(({ cidr }) => family(cidr) === family(address))
  return ofFamily.some(({ cidr, except = [] }) => {
    const whole = listOf([cidr])
    for (const part of except) {
      const [start = '', length] = part.split('/')
      const inside =
        family(part) === family(cidr) &&
        whole.check(start, family(start)) &&
        Number(length) > Number(cidr.split('/')[1])
      // An IPv4 address in the clothes of IPv6 is taken for IPv4.
      if (!inside || start.startsWith('::ffff:')) throw new Error(`${part} is not a part of ${cidr}`)
    }
    return whole.check(address, family(address)) && !listOf(except).check(address, family(address))
  })
}

function listOf(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [start = '', length] = block.split('/')
    list.addSubnet(start, Number(length), family(start))
  }
  return list
}

/** Of an address or a block of them. A list of addresses would take IPv4 for a part of IPv6. */
function family(text: string): 'ipv4' | 'ipv6' {
  const [address = ''] = text.split('/')
  if (isIPv4(address)) return 'ipv4'
  if (isIPv6(address)) return 'ipv6'
  throw new Error(`${address} is no address`)
}
