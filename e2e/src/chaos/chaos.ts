import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wait } from '@bgs/runtime/service/wait.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import { StreamChecker, type Verdict } from '@bgs/simnet/stream-checker.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { QUIET_MIX, upheave } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { TestCluster } from '../cluster/cluster.ts'
import { Follower } from '../cluster/follower.ts'
import { drawFault } from './faults.ts'

/** Above the minute for which the frames of a DID may wait for a look at its document (C8). */
const CAUGHT_UP_MS = Number(process.env['CAUGHT_UP_MS'] ?? 150_000)
const FAULTS_AT_ONCE = 3
const UPHEAVAL_EVERY_MS = 400
/** Two of each role, and one more verifier; each has its own ways to the servers. */
const MOST_PROCESSES = 9

export interface ChaosOptions {
  readonly seed: number
  /** Ends after so many faults, or so long, whichever is first. */
  readonly faults: number
  readonly ms: number
  readonly ratePerSecond: number
  readonly brokers?: 1 | 3
  readonly print: (line: string) => void
}

/** What the checkers found; all but the first two are 0 where the relay is right. */
export interface ChaosResult {
  readonly faults: number
  readonly events: number
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  readonly different: number
  /** What exactly, a line each. */
  readonly findings: readonly string[]
}

/** The whole cluster as processes, real servers, and faults at random, while the network goes on; then the judgement. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, print } = options
  const random = new Random(seed)
  await using cluster = await TestCluster.start({ seed, brokers: options.brokers ?? 1, ways: MOST_PROCESSES })
  await cluster.addAll({ sequencer: 2, verifier: 2, crawler: 2, fanout: 2 })
  const { network } = cluster
  const followers = [1, 2].map((n) => new Follower(network.model, cluster.urls, new Random(seed + n)))
  const quiet = new AbortController()
  const activity = [
    runActivity(network, options.ratePerSecond, quiet.signal, QUIET_MIX),
    upheaveUntil(cluster, quiet.signal),
  ]
  try {
    const faults = await harass(cluster, followers, random, options)
    quiet.abort()
    await Promise.all(activity)
    await network.idle()
    print(`${faults} faults done, ${network.model.size} events: waiting for the cluster to be whole again`)
    await cluster.untilReady()
    const findings = await settle(cluster, followers)
    const failures = cluster.roles.flatMap(({ failures: all }) => all)
    for (const failure of failures) print(failure)
    if (Object.values(findings).some((lines) => lines.length > 0)) print(await keepLogs(cluster))
    return count(faults, network.model.size, findings)
  } finally {
    quiet.abort()
    await Promise.all(followers.map((follower) => follower.close()))
  }
}

/** Does faults, several at once, until there were enough. */
async function harass(
  cluster: TestCluster,
  followers: readonly Follower[],
  random: Random,
  { faults, ms, print }: ChaosOptions,
): Promise<number> {
  const startedMs = performance.now()
  const underWay = new Set<Promise<void>>()
  let done = 0
  while (done + underWay.size < faults && performance.now() - startedMs < ms) {
    if (underWay.size >= FAULTS_AT_ONCE) await Promise.race(underWay)
    const fault = drawFault(random)
    const acting = fault.act(cluster, random).then((what) => {
      underWay.delete(acting)
      if (what === false) return
      done++
      print(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${what}`)
    })
    underWay.add(acting)
    if (random.chance(0.2)) random.pick([...followers]).hop()
    await wait(random.int((2 * ms) / faults / 2))
  }
  await Promise.all(underWay)
  return done
}

async function upheaveUntil({ network }: TestCluster, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(UPHEAVAL_EVERY_MS, signal)
    if (!signal.aborted) await upheave(network)
  }
}

/** What every process said, for whoever looks for the cause. */
async function keepLogs(cluster: TestCluster): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-chaos-logs-'))
  for (const { name, output } of cluster.roles) await writeFile(join(folder, `${name}.log`), output)
  const hosts = await cluster.postgresRows(
    'SELECT hostname, owner, fence, epoch, cursor, last_seq, connected FROM hosts',
  )
  const accounts = await cluster.postgresRows('SELECT * FROM accounts')
  const partitions = await cluster.postgresRows('SELECT * FROM partitions ORDER BY topic, number')
  const members = await cluster.postgresRows('SELECT * FROM members')
  await writeFile(
    join(folder, 'database.json'),
    JSON.stringify({ hosts, accounts, partitions, members }, null, 1),
  )
  for (const process of cluster.roles) {
    const metrics = await fetch(`http://127.0.0.1:${process.opsPort}/metrics`).then((r) => r.text(), String)
    await writeFile(join(folder, `${process.name}.metrics`), metrics)
  }
  await writeFile(join(folder, 'log.txt'), (await cluster.logLines()).join('\n'))
  return `what the processes said is in ${folder}`
}

type Findings = { readonly [K in 'lost' | 'doubled' | 'reordered' | 'different']: string[] }

/** Waits until everybody has everything, then has each node say it all again. */
async function settle(cluster: TestCluster, followers: readonly Follower[]): Promise<Findings> {
  const findings: Findings = { lost: [], doubled: [], reordered: [], different: [] }
  for (const { checker } of followers) {
    await until('a follower has everything', () => checker.caughtUp, CAUGHT_UP_MS).catch(() => undefined)
    add(findings, checker.verdict(), checker)
  }
  const [first] = followers
  for (const url of cluster.urls()) {
    const checker = new StreamChecker(cluster.network.model)
    const subscriber = await CheckingSubscriber.connect({ url, checker, cursor: 0 })
    await subscriber.untilCaughtUp(CAUGHT_UP_MS).catch(() => undefined)
    add(findings, checker.verdict(), checker)
    await subscriber.close()
    for (const follower of followers) findings.different.push(...checker.differingSeqs(follower.checker))
  }
  findings.different.push(...(followers[1]?.checker.differingSeqs(first?.checker as StreamChecker) ?? []))
  return findings
}

function add(findings: Findings, verdict: Verdict, checker: StreamChecker): void {
  findings.lost.push(...verdict.missing, ...verdict.holes)
  findings.doubled.push(...verdict.duplicate)
  findings.reordered.push(...verdict.outOfOrder)
  findings.different.push(...verdict.changed, ...verdict.unexpected, ...verdict.malformed)
  for (const error of checker.errors) findings.different.push(`an error frame: ${JSON.stringify(error)}`)
}

function count(faults: number, events: number, findings: Findings): ChaosResult {
  const { lost, doubled, reordered, different } = findings
  return {
    faults,
    events,
    lost: lost.length,
    doubled: doubled.length,
    reordered: reordered.length,
    different: different.length,
    findings: Object.entries(findings).flatMap(([kind, lines]) => lines.map((line) => `${kind}: ${line}`)),
  }
}

/** The last line of a run. */
export function chaosLine({ faults, events, lost, doubled, reordered, different }: ChaosResult): string {
  return (
    `chaos: ${faults} faults, ${events} events, lost ${lost}, doubled ${doubled}, ` +
    `reordered ${reordered}, different ${different}`
  )
}
