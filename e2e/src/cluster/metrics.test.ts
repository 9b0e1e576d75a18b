import { declaredMetrics } from '@bgs/relay/metric-list.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import type { RoleProcess } from './role-process.ts'

/** A heartbeat comes every 10 s: nothing gets this old while all is well. */
const BEAT_MS = 25_000
const STALLED_S = 14
const HOSTS = 6

describe('the metrics of a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: 5 })
    await cluster.addAll({ crawler: 1, verifier: 1 })
    // A sequencer counts hosts when it begins to lead, and then once a minute: all are to be there by then.
    await until(
      'all hosts to be known',
      async () => (await cluster.postgresRows('SELECT hostname FROM hosts')).length === HOSTS,
      BEAT_MS,
    )
    await cluster.addAll({ sequencer: 1, fanout: 1 })
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const role = (name: RoleProcess['role']) => cluster.of(name)[0] as RoleProcess
  const age = async (name: RoleProcess['role'], stage: string) =>
    (await role(name).metric(`relay_heartbeat_age_seconds{stage="${stage}"}`)) ?? Number.NaN

  it('each role shows its own, and nothing that is not declared', async () => {
    await until(
      'a sequencer to lead and to count',
      async () => {
        return (await role('sequencer').metric('relay_sequencer_known_hosts{status="active"}')) === HOSTS
      },
      BEAT_MS,
    )
    const declared = new Set(declaredMetrics().map(({ name }) => name))
    const own = {
      crawler: ['relay_crawler_backlog_bytes', 'relay_producer_pending_bytes', 'relay_server_up'],
      verifier: ['relay_verifier_lag_records', 'relay_bus_lag_seconds', 'relay_lease_members'],
      sequencer: ['relay_sequencer_known_hosts', 'relay_bus_lag_records', 'relay_lease_changes_total'],
      fanout: ['relay_fanout_mirror_lag_records', 'relay_disk_free_bytes', 'relay_fanout_feed_bytes'],
    } as const
    for (const process of cluster.roles) {
      const metrics = async () => (await fetch(`http://127.0.0.1:${process.opsPort}/metrics`)).text()
      const text = await metrics()
      const shown = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
      expect(
        shown.filter((name) => !declared.has(name)),
        process.name,
      ).toEqual([])
      const series = async () =>
        [...(await metrics()).matchAll(/^(\w+)(?:\{.*\})? /gm)].map(([, name]) => name)
      // Some have a value only once something, at the least a heartbeat, has come.
      await expect
        .poll(series, { timeout: BEAT_MS, message: process.name })
        .toEqual(expect.arrayContaining([...own[process.role]]))
    }
    expect(await role('crawler').metric('relay_server_up{server="kafka"}')).toBe(1)
    expect(await role('sequencer').metric('relay_lease_members{role="sequencer"}')).toBe(1)
  })

  it('a heartbeat reaches every stage while nobody says anything', async () => {
    const stages = [
      ['sequencer', 'control'],
      ['sequencer', 'log'],
      ['sequencer', 'view'],
      ['fanout', 'mirror'],
      ['fanout', 'fanout'],
    ] as const
    // Once all are old, one heartbeat makes all of them young.
    await until('all to be old', async () => (await age('fanout', 'fanout')) > 7, BEAT_MS)
    await until(
      'a heartbeat to come through',
      async () => {
        const ages = await Promise.all(stages.map(([name, stage]) => age(name, stage)))
        return ages.every((one) => one < 5)
      },
      BEAT_MS,
    )
  })

  it('a sequencer that stands still is seen at the far end, where all looks well', async () => {
    await role('sequencer').pausedWhile(async () => {
      await until('the mirror to be old', async () => (await age('fanout', 'mirror')) > STALLED_S, BEAT_MS)
      expect(await age('fanout', 'fanout')).toBeGreaterThan(STALLED_S - 2)
      expect(await role('fanout').readyz()).toBe('ok')
    })
    await until('it to go on', async () => (await age('fanout', 'fanout')) < 5, 2 * BEAT_MS)
  })

  it('Kafka that is away is seen there, too, and by name', async () => {
    await cluster.kafka.nodes[0]?.kill()
    await until('the mirror to be old', async () => (await age('fanout', 'mirror')) > STALLED_S, BEAT_MS)
    expect(await role('fanout').metric('relay_server_up{server="kafka"}')).toBe(0)
    expect(await role('fanout').metric('relay_server_away_seconds{server="kafka"}')).toBeGreaterThan(10)
    expect(await role('fanout').metric('relay_server_outages_total{server="kafka"}')).toBe(1)
  })
})
