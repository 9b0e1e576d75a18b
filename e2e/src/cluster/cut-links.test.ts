import type { Cut } from '@bgs/testkit/tcp-link.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAUGHT_UP_MS, CutScene, type Leasing, OTHERS_TAKE_OVER_MS } from './cut-scene.ts'
import type { ServerName } from './process-ways.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)

describe(`one process is cut off from one server, with the lease that is the default (TEST_SEED=${SEED})`, () => {
  let scene: CutScene
  beforeAll(async () => {
    scene = await CutScene.start(SEED)
  })
  afterAll(() => scene?.[Symbol.asyncDispose]())

  const cases: [Leasing, ServerName, Cut][] = (['sequencer', 'verifier', 'crawler'] as const).flatMap(
    (role): [Leasing, ServerName, Cut][] => [
      [role, 'kafka', 'refused'],
      [role, 'kafka', 'silent'],
      [role, 'a broker', 'unanswered'],
      [role, 'postgres', 'refused'],
      [role, 'postgres', 'unheard'],
    ],
  )
  it.each(cases)(
    '%s from %s, %s: the other does its work, and both do once it is healed',
    async (role, server, how) => {
      const [victim, other] = await scene.pair(role)
      victim.ways?.cut(server, how)
      try {
        await scene.othersTakeOver(other, role, OTHERS_TAKE_OVER_MS)
        if (server !== 'postgres') {
          expect(await victim.readyz()).toContain(`this ${role} stands still`)
          expect(
            await victim.metric(`relay_lease_standing_still_seconds{role="${role}",cause="kafka"}`),
          ).toBeGreaterThan(0)
        }
      } finally {
        victim.ways?.heal(server)
      }
      await until(
        `${victim.name} is ready`,
        () => victim.isReady(),
        CAUGHT_UP_MS,
        () => victim.output.slice(-2_000),
      )
    },
  )

  it('nothing was lost, doubled or reordered, and no process has ended over it', () => scene.expectExact())
})
