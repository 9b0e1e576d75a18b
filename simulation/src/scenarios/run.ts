import { Random } from '@bgs/simnet/random.ts'
import type { RunLog } from '../run-log.ts'
import { checkStreams, type Reader, type StreamFindings } from './check-streams.ts'
import { type Faults, type Planned, plan } from './faults.ts'
import type { Scene } from './scene.ts'

const LOOK_EVERY_MS = 100

export interface ScenarioOptions {
  readonly faults: number
  readonly minutes: number
  readonly eventsPerSecond: number
  /** Within so many minutes after the last fault all has to be through. */
  readonly patienceMinutes: number
  /** Numbers of the faults that are to happen; undefined: all. */
  readonly only: ReadonlySet<number> | undefined
}

/** What a run came to. */
export interface Outcome extends StreamFindings {
  readonly faults: number
  readonly events: number
  readonly lives: number
  readonly caughtUpMs: number | undefined
}

/**
 * Hosts, a relay, subscribers. 1. All goes well for a moment. 2. Faults come, several at a time. 3. All is well again: what
 * was offered must be through within a stated time, once and in order, to who was there all along as to who reads it all
 * now (invariants 2, 3, 10, 11, 15).
 */
export async function runScenario<S extends Scene>(
  scene: S,
  faults: Faults<S>,
  log: RunLog,
  options: ScenarioOptions,
): Promise<Outcome> {
  const planned = plan(faults, scene.world.random.fork('faults'), options)
  log.onGivenUp = (did) => scene.network.model.excuseInFlight(did)
  await scene.begin()
  const following = scene.followers.map((follower) => follower.follow())
  const quiet = new AbortController()
  const offering = scene.offer(options.eventsPerSecond, quiet.signal)
  const done = await inflict(
    scene,
    faults,
    planned.filter(({ number }) => options.only?.has(number) !== false),
    log,
  )
  await scene.rest(Math.max(0, options.minutes * 60_000 - scene.scheduler.nowMs))
  quiet.abort()
  await offering
  log.note('all is well again')
  for (const member of scene.members) if (!member.isUp) await member.start()
  const patienceMs = options.patienceMinutes * 60_000
  const caughtUpMs = await caughtUp(scene, patienceMs)
  if (caughtUpMs === undefined) log.violation('invariant 11: what was offered is not through')
  await checkReadiness(scene, log)
  const readers = [...scene.followers, ...(await lateReaders(scene, patienceMs))]
  for (const follower of scene.followers) follower.end()
  await Promise.all(following)
  return {
    ...checkStreams(readers, log),
    faults: done,
    events: scene.offered,
    lives: scene.members.reduce((sum, { lives }) => sum + lives, 0),
    caughtUpMs,
  }
}

/** Resolves to how many faults there were once the last of them is over. */
async function inflict<S extends Scene>(
  scene: S,
  faults: Faults<S>,
  planned: readonly Planned[],
  log: RunLog,
): Promise<number> {
  const underWay: Promise<void>[] = []
  for (const { number, atMs, kind, seed } of planned) {
    await scene.rest(Math.max(0, atMs - scene.scheduler.nowMs))
    log.note(`fault ${number}: ${kind}`)
    const acting = faults[kind]?.act(scene, new Random(seed)) ?? Promise.resolve('none')
    underWay.push(acting.then((what) => log.note(`fault ${number} is over: ${what}`)))
  }
  await Promise.all(underWay)
  return planned.length
}

/** Waits until every follower has all that must come; how long that took in milliseconds, undefined where it did not. */
async function caughtUp(scene: Scene, patienceMs: number): Promise<number | undefined> {
  const begunMs = scene.scheduler.nowMs
  while (!scene.followers.every(({ checker }) => checker.caughtUp)) {
    if (scene.scheduler.nowMs - begunMs > patienceMs) return undefined
    await scene.rest(LOOK_EVERY_MS)
  }
  return scene.scheduler.nowMs - begunMs
}

async function checkReadiness(scene: Scene, log: RunLog): Promise<void> {
  const [follower] = scene.followers
  for (const [name, port] of scene.opsPorts)
    if ((await follower?.ask(port, '/readyz')) !== 200)
      log.violation(`/readyz of ${name} does not say that all is well`)
}

/** At each node one that comes for the first time and reads all of the log. */
async function lateReaders(scene: Scene, patienceMs: number): Promise<Reader[]> {
  const [follower] = scene.followers
  const readers: Reader[] = []
  for (const url of scene.urls) {
    const checker = await follower?.readAll(url, patienceMs)
    if (checker !== undefined) readers.push({ name: `who read it all at the end at ${url}`, checker })
  }
  return readers
}
