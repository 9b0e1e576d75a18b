import { Random } from '@bgs/simnet/random.ts'
import type { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import type { RunLog } from '../run-log.ts'
import type { World } from '../world/world.ts'
import { EmbeddedScene } from './embedded-scene.ts'
import { FAULTS, type Planned, plan } from './faults.ts'

export interface ScenarioOptions {
  readonly faults: number
  readonly minutes: number
  readonly eventsPerSecond: number
  /** Numbers of the faults that are to happen; undefined: all. */
  readonly only: ReadonlySet<number> | undefined
}

/** What a run came to. */
export interface Outcome {
  readonly faults: number
  readonly events: number
  readonly lives: number
  readonly caughtUpMs: number | undefined
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  readonly different: number
}

/**
 * Hosts, one embedded relay, one subscriber. 1. All goes well for a moment. 2. Faults come, several at a time. 3. All is well
 * again: what was offered must be through within a stated time, once and in order, to who was there all along as to
 * who reads it all now (invariants 2, 3, 10, 11, 15).
 */
export async function embedded(world: World, log: RunLog, options: ScenarioOptions): Promise<Outcome> {
  const scene = await EmbeddedScene.create(world, log)
  const planned = plan(world.random.fork('faults'), options.faults, options.minutes)
  await scene.relay.start()
  const following = scene.follow()
  const quiet = new AbortController()
  const offering = scene.offer(options.eventsPerSecond, quiet.signal)
  const done = await inflict(
    scene,
    planned.filter(({ number }) => options.only?.has(number) !== false),
    log,
  )
  await scene.rest(Math.max(0, options.minutes * 60_000 - world.scheduler.nowMs))
  quiet.abort()
  await offering
  log.note('all is well again')
  if (!scene.relay.isUp) await scene.relay.start()
  const caughtUpMs = await scene.caughtUp()
  if (caughtUpMs === undefined) log.violation('invariant 11: what was offered is not through')
  if ((await scene.ready()) !== 200) log.violation('/readyz does not say that all is well')
  const later = await scene.readAll()
  scene.end()
  await following
  return {
    ...judged(scene, later, log),
    faults: done,
    events: scene.offered,
    lives: scene.relay.lives,
    caughtUpMs,
  }
}

/** Resolves to how many faults there were once the last of them is over. */
async function inflict(scene: EmbeddedScene, planned: readonly Planned[], log: RunLog): Promise<number> {
  const underWay: Promise<void>[] = []
  /** What ends a life waits for another that does. */
  let lives: Promise<unknown> = Promise.resolve()
  for (const { number, atMs, kind, seed } of planned) {
    await scene.rest(Math.max(0, atMs - scene.scheduler.nowMs))
    const { act } = FAULTS[kind] as (typeof FAULTS)[string]
    const begin = () => act(scene, new Random(seed))
    log.note(`fault ${number}: ${kind}`)
    const acting = ENDS_LIVES.has(kind) ? lives.then(begin) : begin()
    if (ENDS_LIVES.has(kind)) lives = acting
    underWay.push(acting.then((what) => log.note(`fault ${number} is over: ${what}`)))
  }
  await Promise.all(underWay)
  return planned.length
}

const ENDS_LIVES = new Set(['kill', 'power-loss', 'stop'])

function judged(
  { checker }: EmbeddedScene,
  later: StreamChecker,
  log: RunLog,
): Pick<Outcome, 'lost' | 'doubled' | 'reordered' | 'different'> {
  for (const [who, one] of [
    ['the follower', checker],
    ['who read it all at the end', later],
  ] as const) {
    const { ok, received: _, ...faults } = one.verdict()
    if (ok && one.errors.length === 0) continue
    for (const [kind, list] of Object.entries(faults))
      for (const text of list.slice(0, 5)) log.violation(`${who}: ${kind}: ${text}`)
    for (const error of one.errors.slice(0, 5)) log.violation(`${who}: ${String(error)}`)
  }
  const differing = checker.differingSeqs(later)
  for (const text of differing.slice(0, 5))
    log.violation(`invariant 15: another seq for a late reader: ${String(text)}`)
  const verdict = checker.verdict()
  return {
    lost: verdict.missing.length,
    doubled: verdict.duplicate.length,
    reordered: verdict.outOfOrder.length,
    different: differing.length,
  }
}
