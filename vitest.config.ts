import { defineConfig } from 'vitest/config'
import { ALONE, LongestFirst } from './vitest-order.ts'
import { SummaryReporter } from './vitest-summary.ts'

const exclude = ['**/node_modules/**']
const SERVERS = '**/*.servers.test.ts'
/** kafkajs, which only tests use, asks for waits that lie in the past. Node takes them for 1 ms, and says so each time. */
const execArgv = ['--disable-warning=TimeoutNegativeWarning']

const E2E = { execArgv, testTimeout: 300_000, hookTimeout: 600_000 }

/**
 * `unit`: beside the code, fast, no process but this one. `servers`: against a real Kafka, PostgreSQL or Redis, which
 * the file starts itself. `e2e`: the relay as it is run; its files wait most of their time, so two run side by side, and
 * those that cannot bear that one by one, as `e2e-alone`.
 */
export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: 2,
          include: [
            '{shared/*,crawler,verifier,sequencer,api,fanout,dashboard,relay,simnet,bench,fuzz,simulation}/src/**/*.test.ts',
          ],
          exclude: [...exclude, SERVERS],
        },
      },
      {
        test: {
          name: 'servers',
          include: [`{shared/*,crawler,verifier,sequencer,api,fanout,relay,bench}/src/${SERVERS}`],
          exclude,
          execArgv,
          // Each with servers of its own, for whose coming and going it waits most of the time.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...E2E,
          name: 'e2e',
          include: ['e2e/src/**/*.test.ts'],
          exclude: [...exclude, ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...E2E,
          name: 'e2e-alone',
          include: ALONE,
          exclude,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
