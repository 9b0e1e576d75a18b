import { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { sequencerMetrics } from '@bgs/sequencer/metrics.ts'
import type { ClusterContext } from './context.ts'
import { LeaderLoop } from './leader-loop.ts'
import { questionChannel } from './questions.ts'
import type { Role } from './role.ts'
import { RoleMember } from './role-member.ts'

/**
 * A sequencer: leads if it has the lease of `sequenced`, else stands by. A stop: 1. the loop ends, and a lead with it
 * (`stopping`); 2. membership is no longer renewed (`renewing`), the lease is given up, and it leaves.
 */
export async function startSequencer(context: ClusterContext): Promise<Role> {
  const { settings, supervisor, database, registry } = context
  const member = new RoleMember(context, 'sequencer', {
    topics: ['verified', 'control', 'sequenced'],
    unansweredMs: () => loop.unansweredMs,
  })
  const { membership } = member
  const leases = new PartitionLeases(database, membership, 'sequenced', 1)
  await leases.prepare()
  await new PartitionLeases(database, membership, 'verified', settings.RELAY_RAW_PARTITIONS).prepare()
  const metrics = sequencerMetrics(registry)
  metrics.leader.set(0)
  const stopping = new AbortController()
  const renewing = new AbortController()
  const loop = new LeaderLoop({
    context,
    leases,
    member,
    metrics,
    questions: questionChannel(context),
  })
  await membership.renew()
  const running = loop.run(stopping.signal)
  supervisor.run('sequencer', running)
  supervisor.run('membership of the sequencer', member.run(renewing.signal))
  return {
    notReady: () => member.standstill ?? loop.trouble ?? loop.stalled ?? member.notReady,
    restartCouldHelp: member.restartCouldHelp,
    refresh: () => {
      loop.updateMetrics()
      member.updateMetrics()
    },
    stop: async () => {
      stopping.abort()
      await running
      renewing.abort()
      await leases.release([0])
      await membership.leave()
    },
  }
}
