import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** They measure how much memory and how much of others' time a flood costs: nothing else is to run beside them. */
export const ALONE = ['e2e/src/embedded/crowd.test.ts', 'e2e/src/embedded/flood.test.ts']

/**
 * Files that take longest, the longest first: begun last, one of them would run on alone. Two that use much of the
 * machine (durability-kills, chaos, real-software) do not follow each other, so that each runs beside one that waits.
 */
const LONGEST = [
  'e2e/src/cluster/cut-off.test.ts',
  'e2e/src/cluster/cut-links.test.ts',
  'e2e/src/embedded/durability-kills.test.ts',
  'e2e/src/cluster/outages.test.ts',
  'e2e/src/chaos/chaos.test.ts',
  'e2e/src/cluster/metrics.test.ts',
  'e2e/src/embedded/half-open.test.ts',
  'e2e/src/interop/real-software.test.ts',
  'e2e/src/embedded/network.test.ts',
  'e2e/src/embedded/durability-disk.test.ts',
  'relay/src/cluster/mirror.servers.test.ts',
  'shared/database/src/postgres-outage.servers.test.ts',
  'shared/testkit/src/servers/servers.servers.test.ts',
]

for (const path of [...ALONE, ...LONGEST])
  if (!existsSync(join(import.meta.dirname, path)))
    throw new Error(`vitest-order.ts names ${path}, which is not there`)

/** Of those that run side by side begins the longest first; of all others the larger, as a fresh clone knows no more. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b))
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`))
  return rank < 0 ? LONGEST.length : rank
}
