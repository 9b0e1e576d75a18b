/** Stands in for `@bgs/testkit/servers/postgres.ts` in the project `models`: the suites of the real server run on the model. */
import type { PostgresServer } from '@bgs/testkit/servers/postgres.ts'
import { PostgresModel } from './postgres-model.ts'

export async function startPostgres(): Promise<Omit<PostgresServer, 'process'>> {
  const model = await PostgresModel.create({ chance: Math.random })
  await model.start()
  return {
    url: model.url('relay'),
    createDatabase: (name) => model.createDatabase(name),
    start: async () => void (await model.start()),
    stop: async () => model.stop(),
    kill: async () => model.kill(),
    pause: () => model.pause(),
    resume: () => model.resume(),
    [Symbol.asyncDispose]: async () => model.kill(),
  }
}
