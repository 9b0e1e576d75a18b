import { defineConfig } from 'vitest/config'
import { ALONE, LongestFirst } from './vitest-order.ts'
import { SummaryReporter } from './vitest-summary.ts'

const exclude = ['**/node_modules/**']
const SERVERS = '**/*.servers.test.ts'
/** kafkajs, which only tests use, asks for waits that lie in the past. Node takes them for 1 ms, and says so each time. */
const execArgv = ['--disable-warning=TimeoutNegativeWarning']

/** Suites for real servers that run on the models of the simulation, too: a difference is a fault of the model. */
const ON_MODELS = [
  'shared/cluster/src/bus/kafka-bus.servers.test.ts',
  'shared/cluster/src/kafka/{kafka,brokers,topics}.servers.test.ts',
  'shared/cluster/src/log/kafka-log.servers.test.ts',
  'relay/src/cluster/{backlogs,mirror,raw-share,sequencer-inputs}.servers.test.ts',
  'shared/database/src/{postgres,postgres-outage}.servers.test.ts',
  'shared/cluster/src/bus/caution.servers.test.ts',
  'shared/cluster/src/leases/leases.servers.test.ts',
  'relay/src/cluster/{leased-hosts,leased-task}.servers.test.ts',
  'sequencer/src/state/state-postgres.servers.test.ts',
  'shared/cluster/src/redis/{redis,metrics-directory}.servers.test.ts',
  'relay/src/cluster/{redis-identities,shared-limits}.servers.test.ts',
]
const MODELS = `${import.meta.dirname}/simulation/src/models`
/** What stands in for what such a suite starts a server with. */
const IN_PLACE = {
  '@bgs/testkit/kafka-topic.ts': `${MODELS}/kafka/kafka-topic.ts`,
  '@bgs/testkit/servers/kafka.ts': `${MODELS}/kafka/start-kafka.ts`,
  '@bgs/testkit/servers/lose-power.ts': `${MODELS}/kafka/lose-power.ts`,
  '@bgs/testkit/servers/postgres.ts': `${MODELS}/postgres/start-postgres.ts`,
  '@bgs/testkit/servers/redis.ts': `${MODELS}/redis/start-redis.ts`,
}

const E2E = { execArgv, testTimeout: 300_000, hookTimeout: 600_000 }

/**
 * `unit`: beside the code, fast, no process but this one. `servers`: against a real Kafka, PostgreSQL or Redis, which
 * the file starts itself. `models`: those of them for which there are models, against these. `e2e`: the relay as it is run;
 * its files wait most of their time, so two run side by side, and those that cannot bear that one by one, as `e2e-alone`.
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
          // Runs of the simulation: each keeps a core busy.
          maxConcurrency: 2,
          include: [
            '{shared/*,crawler,verifier,sequencer,api,fanout,dashboard,relay,simnet,bench,fuzz,simulation}/src/**/*.test.ts',
          ],
          exclude: [...exclude, SERVERS],
        },
      },
      {
        resolve: { alias: IN_PLACE },
        test: {
          name: 'models',
          include: ON_MODELS,
          exclude,
          execArgv,
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 300_000,
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
