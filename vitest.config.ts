import { defineConfig } from 'vitest/config'
import { SummaryReporter } from './vitest-summary.ts'

const exclude = ['**/node_modules/**']

/** `unit`: beside the code, fast, no process but this one. `e2e`: the relay as it is run, one file at a time. */
export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,crawler,verifier,sequencer,fanout,relay,simnet,bench}/src/**/*.test.ts'],
          exclude,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/src/**/*.test.ts'],
          exclude,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
