import { defineConfig } from 'vitest/config'
import { SummaryReporter } from './vitest-summary.ts'

const exclude = ['**/node_modules/**']
const SERVERS = '**/*.servers.test.ts'
/** kafkajs, which only tests use, asks for waits that lie in the past. Node takes them for 1 ms, and says so each time. */
const execArgv = ['--disable-warning=TimeoutNegativeWarning']

/**
 * `unit`: beside the code, fast, no process but this one. `servers`: against a real Kafka, PostgreSQL or Redis, which
 * the file starts itself. `e2e`: the relay as it is run, one file at a time, for many of them are about time.
 */
export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: 2,
          include: [
            '{shared/*,crawler,verifier,sequencer,api,fanout,dashboard,relay,simnet,bench,fuzz}/src/**/*.test.ts',
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
          // Two files at once, each with servers of its own.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/src/**/*.test.ts'],
          exclude,
          execArgv,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
