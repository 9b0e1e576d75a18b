import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, the longest first: begun last, one of them would run on alone. */
const LONGEST = [
  'e2e/src/cluster/cut-off.test.ts',
  'e2e/src/cluster/cut-links.test.ts',
  'e2e/src/interop/real-software.test.ts',
  'e2e/src/cluster/outages.test.ts',
  'e2e/src/cluster/figures.test.ts',
  'shared/database/src/postgres-outage.servers.test.ts',
]

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
